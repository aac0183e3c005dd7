import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { FourwayCamera } from "./FourwayCamera.jsx";

function App() {
  const [open, setOpen] = useState(true);
  const [found, setFound] = useState("");
  return (
    <>
      {open && (
        <FourwayCamera controls pixels={61440} onDetection={({ objects }) => setFound(objects.map(({ task }) => task).join(", "))} />
      )}
      <output>{found}</output>
      <button type="button" onClick={() => setOpen(!open)}>
        {open ? "Close" : "Open"}
      </button>
    </>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
