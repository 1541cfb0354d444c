// A picture by itself. Arrow keys go through the job's pictures, Escape closes (the dialog's own way).
import { relative } from "./api.js";

const dialog = document.getElementById("viewer");
const picture = document.getElementById("viewer-image");
let shown;

document.getElementById("viewer-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const next = step && shown.job.images.find((i) => i.index === shown.image.index + step);
  if (next) show(shown.job, next);
});

export function openViewer(job, image) {
  show(job, image);
  dialog.showModal();
}

function show(job, image) {
  shown = { job, image };
  Object.assign(picture, { src: relative(image.url), alt: job.prompt, width: image.width, height: image.height });
  document.getElementById("viewer-caption").textContent = `${job.prompt} · seed ${image.seed}`;
  const download = document.getElementById("viewer-download");
  download.href = relative(image.url);
  download.download = `${job.id}-${image.index}.png`;
}
