/** A component's view of one path: its query result, kept up to date. Lists are in `paged-list.ts`. */
import { useCallback, useEffect, useState } from "preact/hooks";
import type { KairosError } from "@kairos/client";
import { asKairosError, fetchQuery, onChanged, type ReceivedResult } from "./kairos.ts";

export interface QueryState<T> {
  result: ReceivedResult<T> | undefined;
  error: KairosError | undefined;
  /** Asks the network, however fresh the stored response is. */
  refetch: () => void;
}

interface PathState<T> {
  path: string;
  result?: ReceivedResult<T>;
  error?: KairosError;
}

export function useQuery<T>(path: string): QueryState<T> {
  const [state, setState] = useState<PathState<T>>({ path });

  const load = useCallback(
    (revalidate?: boolean) => {
      let isCurrent = true;
      fetchQuery<T>(path, revalidate).then(
        (result) => isCurrent && setState({ path, result }),
        (error: unknown) => isCurrent && setState((before) => ({ ...(before.path === path ? before : { path }), error: asKairosError(error) })),
      );
      return () => {
        isCurrent = false;
      };
    },
    [path],
  );

  useEffect(() => {
    let cancel = load();
    const unsubscribe = onChanged(path, () => {
      cancel();
      cancel = load();
    });
    return () => {
      cancel();
      unsubscribe();
    };
  }, [load, path]);

  const isOfPath = state.path === path;
  return {
    result: isOfPath ? state.result : undefined,
    error: isOfPath ? state.error : undefined,
    refetch: useCallback(() => void load(true), [load]),
  };
}
