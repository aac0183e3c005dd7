/** Runs in a page: posts what `work` gives (or its error as `{ error }`) and goes to the page that the server names. */
export async function report(work: () => Promise<unknown>): Promise<void> {
  let result: unknown;
  try {
    result = await work();
  } catch (error) {
    result = { error: String(error) };
  }
  const response = await fetch("/result", { method: "POST", body: JSON.stringify(result) });
  const next = await response.text();
  if (next !== "") location.href = next;
}

/** The JSON behind a page's "?". */
export function asked<T>(): T {
  return JSON.parse(decodeURIComponent(location.search.slice(1))) as T;
}
