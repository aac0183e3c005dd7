// YUV4MPEG2, the plainest form of a video, as `ffmpeg -f yuv4mpegpipe` writes it: one line about the stream, then for each picture a line and its planes.
//   source  the manual page yuv4mpeg(5) of mjpegtools

import { FourwayError } from "../core/errors.js";
import { MAX_FRAME_PIXELS, type YuvFrame } from "../core/frame.js";

/** Longer lines are no headers. */
const LONGEST = 1024;
const LINE_FEED = 10;

/** Bytes of a stream, asked for by number. */
class ByteReader {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(
    stream: AsyncIterable<Uint8Array>,
    private readonly name: string,
  ) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  /** Whether there is more. */
  private async refill(): Promise<boolean> {
    const { done, value } = await this.chunks.next();
    if (!done) this.rest = value;
    return !done;
  }

  /** A line without its end; undefined at the end of the stream. */
  async line(): Promise<string | undefined> {
    let text = "";
    for (;;) {
      const end = this.rest.indexOf(LINE_FEED);
      text += new TextDecoder("latin1").decode(this.rest.subarray(0, end < 0 ? Math.min(LONGEST, this.rest.length) : end));
      if (end >= 0 || text.length > LONGEST) {
        this.rest = this.rest.subarray(end + 1);
        return text.slice(0, LONGEST);
      }
      this.rest = new Uint8Array();
      if (!(await this.refill())) return text === "" ? undefined : text;
    }
  }

  /** @throws E_IMAGE where the stream ends before */
  async bytes(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      if (this.rest.length === 0 && !(await this.refill()))
        throw new FourwayError("E_IMAGE", `${this.name}: expected ${count} bytes of a picture, got ${at}; the video is cut off`);
      const part = this.rest.subarray(0, count - at);
      bytes.set(part, at);
      at += part.length;
      this.rest = this.rest.subarray(part.length);
    }
    return bytes;
  }

  /** Lets go of the stream. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }
}

/**
 * The pictures of a Y4M stream, one at a time.
 * @param name of it, for messages
 * @throws E_IMAGE for another format, chroma other than 4:2:0 of 8 bits, or a stream that is cut off
 */
export async function* readY4m(stream: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<YuvFrame> {
  const reader = new ByteReader(stream, name);
  try {
    const [magic, ...fields] = ((await reader.line()) ?? "").split(" ");
    const field = (letter: string): string | undefined => fields.find((each) => each.startsWith(letter))?.slice(1);
    const [width, height] = [Number(field("W")), Number(field("H"))];
    const chroma = field("C") ?? "420";
    const known = magic === "YUV4MPEG2" && width >= 1 && height >= 1 && width * height <= MAX_FRAME_PIXELS;
    if (!known || !["420", "420jpeg", "420mpeg2", "420paldv"].includes(chroma))
      throw new FourwayError(
        "E_IMAGE",
        `${name}: expected a Y4M video of 8 bits and 4:2:0, got ${magic === "YUV4MPEG2" ? `${width} x ${height}, C${chroma}` : "another format"}; make it with ffmpeg -i VIDEO -pix_fmt yuv420p -f yuv4mpegpipe -`,
      );
    const bytes = width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
    const fullRange = fields.includes("XCOLORRANGE=FULL");
    for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
      if (!line.startsWith("FRAME"))
        throw new FourwayError("E_IMAGE", `${name}: expected a line FRAME, got "${line.slice(0, 20)}"; the video is damaged`);
      yield { format: "I420", width, height, fullRange, data: await reader.bytes(bytes) };
    }
  } finally {
    await reader.close();
  }
}
