import { kindOf } from "../core/address.js";
import { FourwayError } from "../core/errors.js";
import { checkFrame, type Frame, type YuvFrame } from "../core/frame.js";
import type {
  BlobObject,
  CanvasElement,
  ColorSpace,
  ImageBitmapObject,
  ImageDataObject,
  ImageElement,
  OffscreenCanvasObject,
  VideoElement,
  VideoFrameObject,
} from "../core/globals.js";

/**
 * What a spawned detector looks at. A VideoFrame or ImageBitmap is taken over: its owner's is closed. Of elements and canvases it is what they
 * show when they are passed.
 */
export type Picture =
  | Frame
  | YuvFrame
  | ImageDataObject
  | ImageBitmapObject
  | VideoFrameObject
  | VideoElement
  | CanvasElement
  | OffscreenCanvasObject
  | ImageElement
  | BlobObject;

/** Bytes in another colour space than sRGB. */
interface WideFrame extends Frame {
  readonly colorSpace: ColorSpace;
}

/** A picture in a form that another thread can be given. */
export type Handed = Frame | YuvFrame | WideFrame | VideoFrameObject | ImageBitmapObject;

/** Kinds of objects that a browser's thread other than the page's can do nothing with, or not keep as they are. */
const SHOWN = ["HTMLCanvasElement", "OffscreenCanvas", "HTMLImageElement", "Blob", "File"];

/**
 * A picture as it is now, in a form that another thread can be given. Takes a small part of a millisecond where browsers have VideoFrame.
 * @throws E_ARGUMENT for what is no picture, E_IMAGE for one that shows nothing yet or cannot be read
 */
export function handOver(picture: Picture): Handed | Promise<Handed> {
  const kind = kindOf(picture);
  if (kind === "VideoFrame" || kind === "ImageBitmap") {
    if ((kind === "VideoFrame" ? (picture as VideoFrame).codedWidth : (picture as ImageBitmap).width) === 0)
      throw new FourwayError("E_IMAGE", `detect: expected a picture in use, got a closed ${kind}; each can be passed once`);
    return picture as VideoFrame | ImageBitmap;
  }
  if (kind === "HTMLVideoElement") {
    const video = picture as HTMLVideoElement;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0)
      throw new FourwayError("E_IMAGE", "detect: expected a video with a picture, got one without; wait for its loadeddata event");
    if (typeof VideoFrame === "undefined") return bitmapOf(video);
    try {
      return new VideoFrame(video);
    } catch (cause) {
      throw unreadable(cause);
    }
  }
  if (SHOWN.includes(kind)) return bitmapOf(picture as ImageBitmapSource);
  const frame = picture as Frame & { colorSpace?: PredefinedColorSpace; pixelFormat?: string };
  checkFrame(frame, "detect");
  if (kind !== "ImageData") return frame;
  const { data, width, height, colorSpace = "srgb" } = frame;
  return colorSpace === "srgb" ? { data, width, height } : { data, width, height, colorSpace };
}

async function bitmapOf(picture: ImageBitmapSource): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(picture);
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): FourwayError {
  const reason = (cause as Error).message;
  return new FourwayError("E_IMAGE", `detect: expected a picture that can be read, got "${reason}"; load it from this site, or with CORS`, {
    cause,
  });
}

/** What of a picture can be moved to another thread rather than copied. @param bytes whether its bytes, too */
export function movable(handed: Handed, bytes: boolean): object[] {
  if (!("data" in handed)) return [handed];
  const { buffer, byteLength } = handed.data;
  return bytes && kindOf(buffer) === "ArrayBuffer" && buffer.byteLength === byteLength ? [buffer] : [];
}

/** Gives back what a picture holds that is not looked at. */
export function closePicture(handed: Handed): void {
  if ("close" in handed) handed.close();
}

/** Y'CbCr in these colours is read as it is. */
const MATRICES: Readonly<Record<string, YuvFrame["matrix"]>> = { bt709: "bt709", smpte170m: "bt601", bt470bg: "bt601" };

/** Makes pixels of pictures, in the thread that looks at them. Keeps a buffer and a canvas for the next. */
export class PictureReader {
  private planes = new Uint8Array(0);
  private context: OffscreenCanvasRenderingContext2D | undefined;

  /** The picture's pixels, valid until the next call, in sRGB; the picture is closed. @throws E_IMAGE where it cannot be read */
  async read(picture: Handed): Promise<Frame | YuvFrame> {
    try {
      if (kindOf(picture) === "VideoFrame") return (await this.planesOf(picture as VideoFrame)) ?? this.draw(picture as VideoFrame);
      if (kindOf(picture) === "ImageBitmap") return this.draw(picture as ImageBitmap);
      if (!("colorSpace" in picture)) return picture as Frame | YuvFrame;
      const { data, width, height, colorSpace } = picture as WideFrame;
      const bitmap = await createImageBitmap(new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height, { colorSpace }));
      try {
        return this.draw(bitmap);
      } finally {
        bitmap.close();
      }
    } catch (cause) {
      if (cause instanceof FourwayError) throw cause;
      throw unreadable(cause);
    } finally {
      closePicture(picture);
    }
  }

  /** The planes of a frame as a camera gives it; undefined where it has others, has to be turned or is not of the usual colours. */
  private async planesOf(frame: VideoFrame & { rotation?: number; flip?: boolean }): Promise<YuvFrame | undefined> {
    const { format, colorSpace, visibleRect } = frame;
    const matrix = colorSpace.matrix === null ? "bt601" : MATRICES[colorSpace.matrix];
    if ((format !== "I420" && format !== "NV12") || !matrix || !visibleRect || frame.rotation || frame.flip) return undefined;
    const { width, height } = visibleRect;
    const size = frame.allocationSize();
    if (this.planes.length !== size) this.planes = new Uint8Array(size);
    await frame.copyTo(this.planes);
    return { format, data: this.planes, width, height, matrix, fullRange: colorSpace.fullRange ?? false };
  }

  /** What a canvas shows of it. */
  private draw(picture: VideoFrame | ImageBitmap): Frame {
    const [width, height] = "displayWidth" in picture ? [picture.displayWidth, picture.displayHeight] : [picture.width, picture.height];
    this.context ??= new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
    const { canvas } = this.context;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.context.clearRect(0, 0, width, height);
    this.context.drawImage(picture, 0, 0);
    return this.context.getImageData(0, 0, width, height);
  }
}
