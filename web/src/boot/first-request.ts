/** What the boot script leaves for the app: the first request of this visit, on its way or answered. Not what becomes of it. */
export interface FirstRequest {
  /** Path and query, as the view asks the client for it. */
  path: string;
  /** Undefined where the network failed. */
  response: Promise<Response | undefined>;
  /** When it was sent, on the clock of `performance`. */
  sentAtMs: number;
  /** Set by the app when the elements are its own: nothing more is drawn then. */
  isTakenOver?: boolean;
  /** Resolves when there is something to read, or will not be. Nothing large is fetched before that. */
  settled: Promise<void>;
}

declare global {
  interface Window {
    kairosFirstRequest?: FirstRequest;
  }
}
