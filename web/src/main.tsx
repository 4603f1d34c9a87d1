/** Where the app starts: takes over what the boot script drew, opens the client, and fetches the rest when nobody waits for it. */
import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/shell-narrow.css";
import "./styles/catalogue.css";
import "./styles/history.css";
import "./styles/account.css";
import "./styles/print.css";
import { App, firstView, preloadViews } from "./app.tsx";
import { startClock } from "./clock.ts";
import { takeOverElements } from "./handover.ts";
import { openKairos, whenOpen } from "./kairos.ts";
import { speak } from "./messages/messages.ts";
import { openCatalogue, openRecords } from "./library.ts";
import { whenQuiet } from "./quiet.ts";
import { storeShell } from "./shell.ts";
import { applyTheme } from "./theme.ts";

async function start(root: HTMLElement): Promise<void> {
  applyTheme();
  startClock();
  openRecords();
  // On a first visit what there is to read comes before how it looks; later the typefaces are on this device.
  if (navigator.serviceWorker?.controller) void loadTypefaces();
  void openKairos();
  await Promise.all([firstView(), speak()]);
  takeOverElements();
  render(<App />, root);
  await whenOpen();
  await whenQuiet();
  openCatalogue();
  await whenQuiet();
  await loadTypefaces();
  await preloadViews();
  await storeShell();
}

async function loadTypefaces(): Promise<void> {
  await import("./styles/typefaces.css").catch(() => undefined);
}

const root = document.getElementById("app");
if (root !== null) void start(root);
