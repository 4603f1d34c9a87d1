/**
 * Markdown to HTML that is safe to show: module content is untrusted, whoever wrote it.
 *
 * Nothing in the result runs, is styled, submits, or is loaded: only pictures inside the text itself are shown, others become
 * links.
 */
import DOMPurify, { type Config } from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import { views } from "./api.ts";

/** Ids of headings start with this, so that content cannot take the name of an element of the page. */
const ID_PREFIX = "section-";

const SANITISE: Config = {
  ALLOWED_TAGS: [
    ..."h2 h3 h4 h5 h6 p br hr blockquote ul ol li dl dt dd pre code kbd samp var em strong b i s del ins sub sup mark".split(" "),
    ..."small abbr cite q table thead tbody tfoot tr th td caption a img figure figcaption details summary div span".split(" "),
  ],
  ALLOWED_ATTR: "href src alt title align start colspan rowspan lang dir width height".split(" "),
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_TRUSTED_TYPE: true,
};

/** The class that says in which language code is: the only one that is let through. */
const CODE_LANGUAGE = /^language-[a-z0-9+#-]{1,20}$/i;

const markdown = new Marked({ gfm: true });
const purifier = DOMPurify(window);

purifier.addHook("uponSanitizeAttribute", (element, attribute) => {
  if (attribute.attrName === "class" && element.tagName === "CODE" && CODE_LANGUAGE.test(attribute.attrValue)) attribute.forceKeepAttr = true;
});

purifier.addHook("afterSanitizeAttributes", (element) => {
  if (element instanceof HTMLImageElement) restrictImage(element);
  else if (element instanceof HTMLAnchorElement) restrictLink(element);
  else if (/^H[2-6]$/.test(element.tagName)) element.id = areNamed ? ID_PREFIX + anchor(element.textContent ?? "") : "";
});

/** Whether headings get ids: those of a module's text do, which is on the page once. */
let areNamed = true;

/** The content as trusted HTML. `title` is shown by the page: a first heading that repeats it is left out. */
export function renderMarkdown(content: string, title: string): TrustedHTML | string {
  const tokens = markdown.lexer(content);
  const shown = repeatsTitle(tokens[0], title) ? Object.assign(tokens.slice(1), { links: tokens.links }) : tokens;
  if (shown.some((token) => token.type === "heading" && token.depth === 1)) markdown.walkTokens(shown, demote);
  return purifier.sanitize(markdown.parser(shown), SANITISE) as TrustedHTML | string;
}

/** A tutor's answer as trusted HTML: a model's text, and no more to be believed than a module's. */
export function renderAnswer(answer: string): TrustedHTML | string {
  areNamed = false;
  try {
    return renderMarkdown(answer, "");
  } finally {
    areNamed = true;
  }
}

/** Where the section under `heading` of a module is; the module itself for an empty one. */
export function sectionAddress(slug: string, heading: string): string {
  return views.module(slug) + (heading === "" ? "" : `#${ID_PREFIX}${anchor(heading)}`);
}

/** Highlighted code as trusted HTML: words in classes, and nothing else. */
export function trustColours(html: string): TrustedHTML | string {
  return purifier.sanitize(html, { ...SANITISE, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] }) as TrustedHTML | string;
}

function repeatsTitle(token: Token | undefined, title: string): boolean {
  const plain = (text: string) => text.replace(/[`*_]/g, "").trim();
  return token?.type === "heading" && plain((token as Tokens.Heading).text) === plain(title);
}

/** The page's own heading is the only one of the first level: content that has one too moves down. */
function demote(token: Token): void {
  if (token.type === "heading") token.depth = Math.min(token.depth + 1, 6);
}

function restrictLink(link: HTMLAnchorElement): void {
  const href = link.getAttribute("href");
  if (href === null) return;
  const within = /^(?![\w+.-]+:|\/)([^#?]*?)(?:\.(?:md|html))?(?:#(.*))?$/i.exec(href);
  if (within !== null) link.setAttribute("href", addressWithin(within[1] ?? "", within[2]));
  else if (isElsewhere(href)) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
}

/** A link between the files of one course: the file's name is the module's slug, as the importer makes it. */
function addressWithin(file: string, section: string | undefined): string {
  const words = file.split(/[^a-z0-9]+/i).filter((word) => word !== "");
  const path = words.length === 0 ? "" : views.module(words.join("-").toLowerCase());
  return section === undefined ? path : `${path}#${ID_PREFIX}${anchor(decoded(section))}`;
}

/** As it is where a percent sign is only a percent sign. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function restrictImage(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (source.startsWith("data:")) return;
  const text = image.alt || "Picture";
  const link = image.ownerDocument.createElement(/^https?:/i.test(source) ? "a" : "span");
  link.textContent = link instanceof HTMLAnchorElement ? `${text} (picture on another site)` : text;
  if (link instanceof HTMLAnchorElement) {
    link.setAttribute("href", source);
    restrictLink(link);
  }
  image.replaceWith(link);
}

function isElsewhere(reference: string): boolean {
  try {
    const url = new URL(reference, location.href);
    return url.origin !== location.origin;
  } catch {
    return true;
  }
}

function anchor(text: string): string {
  return text.toLowerCase().trim().replace(/[^\p{L}\p{N}\s-]/gu, "").replace(/\s+/g, "-");
}
