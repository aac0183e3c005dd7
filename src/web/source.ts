/** Which camera is wanted. */
export interface CameraWish {
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

/** Makes a video element play a stream, an address or a file, from now on. @returns what gives back what it holds */
export async function play(video: HTMLVideoElement, source: MediaStream | Blob | string): Promise<() => void> {
  const address = source instanceof Blob ? URL.createObjectURL(source) : undefined;
  const close = (): void => {
    video.pause();
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
    if (address) URL.revokeObjectURL(address);
  };
  if (source instanceof MediaStream) video.srcObject = source;
  else {
    video.srcObject = null;
    video.loop = true;
    video.crossOrigin = "anonymous";
    video.src = address ?? (source as string);
  }
  try {
    await video.play();
  } catch (error) {
    close();
    throw video.error ? new Error(`the clip cannot be played: ${video.error.message}`) : error;
  }
  return close;
}
