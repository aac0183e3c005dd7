import { kindOf } from "../core/address.js";
import { FourwayError, fromErrorData } from "../core/errors.js";
import type { MediaStreamObject, Signal, VideoElement, VideoTrack } from "../core/globals.js";
import type { DetectOptions } from "./options.js";
import type { FromWorker, Seen } from "./protocol.js";
import type { Spawned } from "./spawn.js";

/** What can be watched: a camera's stream or track, or a video element, whatever it plays. */
export type Live = MediaStreamObject | VideoTrack | VideoElement;

/** Options for all frames of what is watched. */
export interface WatchOptions extends DetectOptions {
  /** Ends it. */
  signal?: Signal;
}

/** Something that is watched. */
export interface Watch {
  /**
   * How its frames get to the worker, the best way that the browser has: as a stream (MediaStreamTrackProcessor here, or in the worker), or
   * each from here (requestVideoFrameCallback).
   */
  readonly way: "stream" | "track" | "frames";
  /** Frames that came while another was looked at and that a newer one took the place of; what the browser dropped before is not among them. */
  readonly dropped: number;
  /** Settled when there is nothing more to see: the source ended, or `stop` or the signal. Rejected where the detector cannot go on. */
  readonly done: Promise<void>;
  /** Looks no more; the source goes on. */
  stop(): void;
}

/** Tracks' frames as a stream; Chromium has it in pages, others in workers only. */
declare const MediaStreamTrackProcessor: (new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> }) | undefined;

/** Watches for the methods of `SpawnedDetector`. */
export function watchLive(spawned: Spawned, source: Live, listener: (seen: Seen) => void, options: WatchOptions): Watch {
  const { signal, minScore } = options;
  const track = trackOf(source);
  let end!: () => void;
  let fail!: (reason: unknown) => void;
  const done = new Promise<void>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  done.catch(() => {}); // whoever cares waits for it
  let over = false;
  const finish = (how: () => void): void => {
    if (over) return;
    over = true;
    signal?.removeEventListener("abort", stop);
    close();
    spawned.closeLane(lane);
    how();
  };
  const stop = (): void => finish(end);
  const hear = (message: FromWorker): void => {
    if (message.kind === "seen") listener(message.seen);
    else if (message.kind === "fault") finish(() => fail(fromErrorData(message.error)));
    else if (message.kind === "ended") stop();
  };

  let close = (): void => {};
  let way: Watch["way"];
  let lane: number;
  if (track && typeof MediaStreamTrackProcessor !== "undefined") {
    way = "stream";
    lane = spawned.openLane({
      newestWins: true,
      hear,
      begin(own) {
        const from = new MediaStreamTrackProcessor!({ track }).readable;
        spawned.post({ kind: "watch", lane: own, from, options: { minScore } }, [from]);
      },
    });
  } else if (track && spawned.about.readsTracks) {
    way = "track";
    lane = spawned.openLane({
      newestWins: true,
      hear,
      begin(own) {
        const from = track.clone();
        spawned.post({ kind: "watch", lane: own, from, options: { minScore } }, [from as unknown as object]);
      },
    });
  } else {
    way = "frames";
    const video = kindOf(source) === "HTMLVideoElement" ? (source as HTMLVideoElement) : playing(track!);
    if (!("requestVideoFrameCallback" in video))
      throw new FourwayError("E_RUNTIME", "watch: expected a browser with requestVideoFrameCallback, got none; pass frames to camera()");
    lane = spawned.openLane({ newestWins: true });
    let next: number;
    const look = (): void => {
      next = video.requestVideoFrameCallback(look);
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return; // a clip that begins again
      spawned.call(lane, video, { minScore }).then(
        (seen) => seen && !over && listener(seen),
        (error) => finish(() => fail(error)),
      );
    };
    next = video.requestVideoFrameCallback(look);
    track?.addEventListener("ended", stop);
    close = () => {
      video.cancelVideoFrameCallback(next);
      track?.removeEventListener("ended", stop);
      if (video !== source) video.srcObject = null;
    };
  }
  const state = spawned.lanes.get(lane)!;
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  return {
    way,
    done,
    stop,
    get dropped() {
      return state.dropped;
    },
  };
}

/** The video track of a source; undefined where a video element plays something else. */
function trackOf(source: Live): MediaStreamTrack | undefined {
  const kind = kindOf(source);
  const { srcObject } = source as HTMLVideoElement;
  const stream = kind === "HTMLVideoElement" ? srcObject : source;
  const track = kindOf(stream) === "MediaStream" ? (stream as MediaStream).getVideoTracks()[0] : (stream as MediaStreamTrack | null);
  if (track && /MediaStreamTrack$/.test(kindOf(track)) && track.kind === "video") return track; // a canvas's has a kind of its own
  if (kind === "HTMLVideoElement" && !srcObject) return undefined;
  throw new FourwayError(
    "E_ARGUMENT",
    `watch: expected a MediaStream or track of video, or a video element, got ${kind}; pass one of these`,
  );
}

/** A video element that plays a track, where nobody sees it. */
function playing(track: MediaStreamTrack): HTMLVideoElement {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, srcObject: new MediaStream([track]) });
  void video.play().catch(() => {});
  return video;
}
