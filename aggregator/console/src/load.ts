// Data that one page asks for itself, beside what the stream keeps current.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { errorWords } from "./api";

export interface Loaded<T> {
  data: T | null;
  /** In words; what `data` holds is then older than asked for. */
  fault: string;
  again: () => void;
}

/** Asks when `key` changes, on `again()`, and every `everyMs` if given; a late answer to an old key is dropped. */
export function useLoad<T>(key: string, ask: () => Promise<T>, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; fault: string }>({ key, data: null, fault: "" });
  const latest = useRef(ask);
  latest.current = ask;
  const wanted = useRef(key);
  wanted.current = key;

  const again = useCallback(() => {
    const mine = wanted.current;
    latest.current().then(
      (data) => {
        if (mine === wanted.current) setState({ key: mine, data, fault: "" });
      },
      (error: unknown) => {
        if (mine !== wanted.current) return;
        setState((old) => ({ key: mine, data: old.key === mine ? old.data : null, fault: errorWords(error) }));
      },
    );
  }, []);

  useEffect(() => {
    again();
    if (everyMs === undefined) return undefined;
    const timer = window.setInterval(again, everyMs);
    return () => window.clearInterval(timer);
  }, [key, everyMs, again]);

  return state.key === key ? { data: state.data, fault: state.fault, again } : { data: null, fault: "", again };
}
