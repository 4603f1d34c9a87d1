/** Where the app starts: opens the client, then shows the view that the address names. */
import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/catalogue.css";
import "./styles/module.css";
import "./styles/prose.css";
import "./styles/progress.css";
import "./styles/history.css";
import "./styles/account.css";
import { App, preloadViews } from "./app.tsx";
import { startClock } from "./clock.ts";
import { openKairos } from "./kairos.ts";
import { openLibrary } from "./library.ts";
import { storeShell } from "./shell.ts";
import { applyTheme } from "./theme.ts";

async function start(root: HTMLElement): Promise<void> {
  applyTheme();
  startClock();
  try {
    await openKairos();
  } catch (error) {
    console.error("the client could not be opened", error);
    render(<CannotStart />, root);
    return;
  }
  openLibrary();
  render(<App />, root);
  await storeShell();
  preloadViews();
}

function CannotStart() {
  return (
    <main class="view">
      <section class="notice" role="alert">
        <h1>Kaïros could not start</h1>
        <p>A part of the app could not be loaded. Check that you are online and reload this page.</p>
        <button type="button" class="button button-primary" onClick={() => location.reload()}>Reload</button>
      </section>
    </main>
  );
}

const root = document.getElementById("app");
if (root !== null) void start(root);
