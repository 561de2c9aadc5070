import "./app.css";
import { setNonce } from "get-nonce";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { nonce } from "./nonce.ts";

setNonce(nonce());
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
