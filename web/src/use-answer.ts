/** A component's view of one path: the answer, kept up to date. Lists are in `paged-list.ts`. */
import { useCallback, useEffect, useState } from "preact/hooks";
import type { KairosError } from "@kairos/client";
import { asKairosError, fetchAnswer, onChanged, type Received } from "./kairos.ts";

export interface AnswerState<T> {
  received: Received<T> | undefined;
  error: KairosError | undefined;
  /** Asks the network, whatever the copy's age. */
  retry: () => void;
}

interface Held<T> {
  path: string;
  received?: Received<T>;
  error?: KairosError;
}

export function useAnswer<T>(path: string): AnswerState<T> {
  const [held, setHeld] = useState<Held<T>>({ path });

  const load = useCallback(
    (revalidate?: boolean) => {
      let current = true;
      fetchAnswer<T>(path, revalidate).then(
        (received) => current && setHeld({ path, received }),
        (error: unknown) => current && setHeld((before) => ({ ...(before.path === path ? before : { path }), error: asKairosError(error) })),
      );
      return () => {
        current = false;
      };
    },
    [path],
  );

  useEffect(() => {
    let forget = load();
    const unsubscribe = onChanged(path, () => {
      forget();
      forget = load();
    });
    return () => {
      forget();
      unsubscribe();
    };
  }, [load, path]);

  const isCurrent = held.path === path;
  return {
    received: isCurrent ? held.received : undefined,
    error: isCurrent ? held.error : undefined,
    retry: useCallback(() => void load(true), [load]),
  };
}
