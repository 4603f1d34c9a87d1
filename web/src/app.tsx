/** The app: the masthead, the view that the address names, and what is said about both. Every view is on this screen. */
import { signal } from "@preact/signals";
import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { views } from "./api.ts";
import { status } from "./kairos.ts";
import { Announcer } from "./parts/announcer.tsx";
import { Banner } from "./parts/banner.tsx";
import { Connection } from "./parts/connection.tsx";
import { Icon, type IconName, Mark } from "./parts/icon.tsx";
import { LanguageChoice } from "./parts/language-choice.tsx";
import { ThemeButton } from "./parts/theme-button.tsx";
import { AccountPage } from "./views/account.tsx";
import { Catalogue } from "./views/catalogue.tsx";
import { HistoryPage } from "./views/history.tsx";
import { NotFound } from "./views/not-found.tsx";
import { Broken, Missing } from "./views/broken.tsx";
import { Register, SignIn } from "./views/sign-in.tsx";
import { t } from "./messages/messages.ts";

const ModulePage = lazy(() => import("./views/module.tsx").catch(() => Missing));
const ProgressPage = lazy(() => import("./views/progress.tsx").catch(() => Missing));

/**
 * Resolves when the view that the address names is there: what the boot script drew stays until then. A view that comes after the first
 * rendering would leave some of that standing beside it.
 */
export async function firstView(): Promise<void> {
  if (location.pathname.startsWith("/modules/")) await ModulePage.preload();
  else if (location.pathname === views.progress) await ProgressPage.preload();
}

/** Views with large libraries come after the first one is on the screen. */
export async function preloadViews(): Promise<void> {
  await ModulePage.preload();
  await ProgressPage.preload();
}

export function App() {
  return (
    <LocationProvider>
      <a class="skip" href="#main">{t().skip}</a>
      <Masthead />
      <Banner />
      <main id="main" tabIndex={-1}>
        {isBroken.value && <Broken />}
        <ErrorBoundary onError={reportBrokenView}>
          <Router onRouteChange={scrollToTop}>
            <Route path="/" component={Catalogue} />
            <Route path="/modules/:slug" component={ModulePage} />
            <Route path="/progress" component={ProgressPage} />
            <Route path="/history" component={HistoryPage} />
            <Route path="/account" component={AccountPage} />
            <Route path="/sign-in" component={SignIn} />
            <Route path="/register" component={Register} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </main>
      <Announcer />
    </LocationProvider>
  );
}

function Masthead() {
  const { user, session } = status.value;
  return (
    <header class="masthead">
      <div class="masthead-inner">
        <a class="brand" href={views.catalogue}><Mark /> Kaïros</a>
        <nav class="main-nav" aria-label={t().main}>
          <NavLink href={views.catalogue} icon="catalogue" name={t().catalogue} />
          <NavLink href={views.progress} icon="progress" name={t().progress} />
          <NavLink href={views.history} icon="history" name={t().history} />
          {session === "unknown" || user !== null
            ? <NavLink href={views.account} icon="account" name={user?.display_name ?? t().account} />
            : <NavLink href={views.signIn} icon="account" name={t().signIn} />}
        </nav>
        <div class="masthead-tools">
          <Connection />
          <LanguageChoice />
          <ThemeButton />
        </div>
      </div>
    </header>
  );
}

function NavLink({ href, icon, name }: { href: string; icon: IconName; name: string }) {
  const { path } = useLocation();
  const isCurrent = href === views.catalogue ? path === "/" || path.startsWith("/modules/") : path === href;
  return (
    <a href={href} aria-current={isCurrent ? (path === href ? "page" : "true") : undefined}>
      <Icon name={icon} /> <span>{name}</span>
    </a>
  );
}

let lastPath = location.pathname;

/** A new view starts at its top; another filter of the same view stays where it is. */
function scrollToTop(url: string): void {
  const path = url.split("?", 1)[0] ?? url;
  if (path !== lastPath) scrollTo(0, 0);
  lastPath = path;
}

const isBroken = signal(false);

function reportBrokenView(error: Error): void {
  isBroken.value = true;
  console.error("a view failed", error);
}
