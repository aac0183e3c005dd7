// <fourway-camera> as a component. React 19 passes properties, and events as on + their name; this file gives them React's names.
import "fourway/element";

/** A camera and what is found in it. Other attributes of the element (facing, pixels, model ..) are passed on. */
export function FourwayCamera({ onDetection, onStateChange, onPick, onSnapshot, ...rest }) {
  const heard = (listener) => listener && ((event) => listener(event.detail, event.currentTarget));
  return (
    <fourway-camera
      {...rest}
      ondetection={heard(onDetection)}
      onstatechange={heard(onStateChange)}
      onpick={heard(onPick)}
      onsnapshot={heard(onSnapshot)}
    />
  );
}
