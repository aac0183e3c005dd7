/** How a shell reads a program that Ctrl-C ended. */
export const INTERRUPTED = 130;

/**
 * Runs work that Ctrl-C stops by its signal; a second Ctrl-C ends the program at once.
 * @param onStop called at the first: to say what is still done
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, onStop: () => void): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    onStop();
    controller.abort();
  };
  process.on("SIGINT", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
  }
}
