/** When it is worth trying something again that the network failed: when it is back, or after a while. */
export function untilWorthATry(afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(go, afterMs);
    function go() {
      clearTimeout(timer);
      removeEventListener("online", go);
      resolve();
    }
    addEventListener("online", go);
  });
}
