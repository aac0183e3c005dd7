import { printable } from "../core/printable.js";

/** Least time between plain lines where output is not a terminal. */
const PLAIN_MS = 10_000;
const TERMINAL_MS = 200;

/** Seconds as 1:02:03 or 2:03. */
export function formatSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const tail = `${String(Math.floor(s / 60) % 60).padStart(s < 3600 ? 1 : 2, "0")}:${String(s % 60).padStart(2, "0")}`;
  return s < 3600 ? tail : `${Math.floor(s / 3600)}:${tail}`;
}

/** One line of progress on stderr: rewritten in place on a terminal, else a plain line from time to time. */
export class ProgressLine {
  private last = 0;
  private open = false;

  /** Shows the line, unless one was shown a moment ago; `text` is only called when it is. */
  show(text: () => string): void {
    const now = performance.now();
    const terminal = process.stderr.isTTY === true;
    if (now - this.last < (terminal ? TERMINAL_MS : PLAIN_MS)) return;
    this.last = now;
    this.open = terminal;
    process.stderr.write(terminal ? `\r\x1b[K${text()}` : `${text()}\n`);
  }

  /** A line that stays. */
  say(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  /** Reports what is left out, and why. */
  skipped(reason: string): void {
    this.say(`skipped: ${printable(reason)}`);
  }

  /** Clears the line, before something is written to stdout. */
  clear(): void {
    if (this.open) process.stderr.write("\r\x1b[K");
    this.open = false;
  }
}
