/** Code to HTML with a class for each kind of word. A chunk of its own: highlight.js, kept by its organisation since 2006, no dependencies. */
import highlighter from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import http from "highlight.js/lib/languages/http";
import ini from "highlight.js/lib/languages/ini";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { trustColours } from "./markdown.ts";

for (const [name, language] of Object.entries({ bash, css, http, toml: ini, javascript, json, python, rust, sql, typescript, xml, yaml })) highlighter.registerLanguage(name, language);

/** Undefined for a language that is not known. */
export function highlight(code: string, language: string): TrustedHTML | string | undefined {
  if (highlighter.getLanguage(language) === undefined) return undefined;
  const { value } = highlighter.highlight(code, { language, ignoreIllegals: true });
  return trustColours(value);
}
