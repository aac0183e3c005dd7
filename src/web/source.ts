/** Which camera is wanted. */
interface CameraWish {
  /** The id of a certain one. */
  device?: string;
  /** Which way it looks: away from the person, or to them. */
  facing?: string;
  /** About how large its pictures should be. */
  width?: number;
  height?: number;
}

/** A camera's stream. @throws DOMException as `getUserMedia` */
export function openCamera({ device, facing = "environment", width = 1280, height = 720 }: CameraWish): Promise<MediaStream> {
  const which = device ? { deviceId: { exact: device } } : { facingMode: { ideal: facing } };
  return navigator.mediaDevices.getUserMedia({ video: { ...which, width: { ideal: width }, height: { ideal: height } } });
}

/** The cameras whose names the page may know. */
export async function listCameras(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId !== "");
}

/** A camera or clip that a video element shows. */
export interface Shown {
  /** Of a camera or other stream. */
  track: MediaStreamTrack | undefined;
  /** Gives all of it back. */
  close(): void;
}

/** What a stream's track may tell while it is shown. */
interface Listener {
  /** It will give no more pictures. */
  onEnd: () => void;
  /** It gives none, or some again. */
  onMute: () => void;
}

/** Gives a camera back. */
export function endStream(source: MediaStream | Blob | string): void {
  if (source instanceof MediaStream) for (const track of source.getTracks()) track.stop();
}

/**
 * Makes a video element show a stream, or play a clip over and over.
 * @param own whether a stream is to be ended with it
 * @throws Error where it cannot be played
 */
export async function show(video: HTMLVideoElement, source: MediaStream | Blob | string, own: boolean, listener: Listener): Promise<Shown> {
  const address = source instanceof Blob ? URL.createObjectURL(source) : undefined;
  const [track] = source instanceof MediaStream ? source.getVideoTracks() : [];
  const events = { ended: listener.onEnd, mute: listener.onMute, unmute: listener.onMute };
  const close = (): void => {
    for (const [event, hear] of Object.entries(events)) track?.removeEventListener(event, hear);
    if (own) endStream(source);
    if (address) URL.revokeObjectURL(address);
    video.pause();
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
  };
  for (const [event, hear] of Object.entries(events)) track?.addEventListener(event, hear);
  video.srcObject = source instanceof MediaStream ? source : null;
  if (!(source instanceof MediaStream)) Object.assign(video, { loop: true, crossOrigin: "anonymous", src: address ?? source });
  try {
    await video.play();
  } catch (error) {
    const fault = video.error;
    close();
    throw fault ? new Error(`the clip cannot be played (${fault.message})`) : error;
  }
  return { track, close };
}
