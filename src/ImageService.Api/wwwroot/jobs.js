// One card for each job: its pictures, or the look of them so far, and what can be done with it.
import { cancelJob, relative, watchJob, Problem } from "./api.js";
import { openViewer } from "./viewer.js";
import { toast } from "./toast.js";

const template = document.getElementById("job-template");
const list = document.getElementById("jobs");
const empty = document.getElementById("empty");

// Browsers open six connections to a server at most; streams must leave some for pictures.
const mostStreams = 3;
const waiting = [];
let streams = 0;

/** @param {"first" | "last"} where new jobs go first, older ones last */
export function addJob(job, where, reuse) {
  const item = template.content.firstElementChild.cloneNode(true);
  const card = new Card(item, job, reuse);
  if (where === "first") list.prepend(item);
  else list.append(item);
  empty.hidden = true;
  if (!isFinal(job)) {
    waiting.push(card);
    watchNext();
  }
  return item;
}

function watchNext() {
  while (streams < mostStreams && waiting.length > 0) {
    const card = waiting.shift();
    streams++;
    const leave = () => {
      streams--;
      watchNext();
    };
    watchJob(card.job.id, {
      progress: (p) => card.progress(p),
      preview: (p) => card.preview(p),
      ended: (job) => {
        card.show(job);
        leave();
      },
      lost: () => {
        card.lost();
        leave();
      },
    });
  }
}

const isFinal = (job) => ["succeeded", "failed", "canceled"].includes(job.status);

class Card {
  constructor(item, job, reuse) {
    this.item = item;
    this.find = (selector) => item.querySelector(selector);
    this.tiles = Array.from({ length: job.num_images }, () => this.addTile(job));
    this.find("[data-action=cancel]").addEventListener("click", () => this.cancel());
    this.find("[data-action=reuse]").addEventListener("click", () => reuse(this.job, this.job.seed));
    this.find("[data-action=seed]").addEventListener("click", () => copySeed(this.job.seed));
    this.find(".tiles").dataset.count = Math.min(job.num_images, 4);
    this.show(job);
  }

  /** Shows a job as the service tells it. */
  show(job) {
    this.job = job;
    const final = isFinal(job);
    this.item.dataset.status = job.status;
    this.find(".prompt").textContent = job.prompt;
    this.find(".facts").textContent = facts(job);
    this.find("[data-action=cancel]").hidden = final;
    this.find("progress").hidden = job.status === "succeeded" || final;
    this.find(".state").hidden = job.status === "succeeded";
    this.progress(job);
    if (job.status === "failed") this.say(job.error?.message ?? "The job failed.");
    if (job.status === "canceled") this.say("Canceled");
    const warnings = this.find(".warnings");
    warnings.hidden = job.warnings.length === 0;
    warnings.replaceChildren(...job.warnings.map((w) => Object.assign(document.createElement("li"), { textContent: w })));
    for (const image of job.images) this.showImage(image);
  }

  progress({ status, step, steps, queue_position: position, estimated_start_at: start, estimated_finish_at: end }) {
    if (status === "queued") {
      this.find("progress").removeAttribute("value");
      this.say((position ? `Waiting, ${position} before it` : "Waiting, next in line") + until(start, "to wait"));
    } else if (status === "running") {
      this.item.dataset.status = status;
      this.find("progress").value = steps > 0 ? step / steps : 0;
      this.say(steps > 0 && step >= steps ? "Finishing" : steps > 0 ? `Step ${step} of ${steps}${until(end, "left")}` : "Starting");
    }
  }

  preview({ index, content_type: type, image }) {
    const tile = this.tiles[index];
    if (!tile || tile.dataset.state === "done") return;
    tile.dataset.state = "preview";
    tile.querySelector("img").src = `data:${type};base64,${image}`;
  }

  lost() {
    this.find("progress").hidden = true;
    this.say("The connection was lost. Reload the page to see how it went.");
  }

  say(text) {
    const state = this.find(".state");
    if (state.textContent !== text) state.textContent = text;
  }

  addTile(job) {
    const tile = document.createElement("button");
    tile.type = "button";
    tile.className = "tile";
    tile.disabled = true;
    tile.style.aspectRatio = `${job.width} / ${job.height}`;
    tile.append(Object.assign(document.createElement("img"), { alt: "" }));
    this.find(".tiles").append(tile);
    return tile;
  }

  async showImage(image) {
    const tile = this.tiles[image.index];
    const picture = Object.assign(new Image(), {
      alt: this.job.prompt, width: image.width, height: image.height,
    });
    // A lazy picture outside the document is never fetched, so only those that nobody waits for are lazy.
    picture.loading = tile.dataset.state === "preview" ? "eager" : "lazy";
    picture.src = relative(image.url);
    tile.setAttribute("aria-label", `Open picture ${image.index + 1}: ${this.job.prompt}`);
    tile.disabled = false;
    tile.onclick = () => openViewer(this.job, image);
    // The preview stays until the picture is there, so that nothing flickers.
    if (tile.dataset.state === "preview") await picture.decode().catch(() => {});
    tile.dataset.state = "done";
    tile.replaceChildren(picture);
  }

  async cancel() {
    try {
      this.show(await cancelJob(this.job.id));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      toast(problem.message);
    }
  }
}

/** ", about 40 s left", or nothing where the service does not know, or the clocks differ too much to tell. */
function until(time, what) {
  const seconds = Math.round((Date.parse(time) - Date.now()) / 1000);
  if (!(seconds >= 1)) return "";
  return `, about ${seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} ${what}`;
}

export async function copySeed(seed) {
  await navigator.clipboard?.writeText(String(seed)).catch(() => {});
  toast(`Seed ${seed} copied`);
}

function facts(job) {
  const parts = [`${job.width} × ${job.height}`, `${job.num_inference_steps} steps`, job.scheduler, `seed ${job.seed}`, job.model];
  if (job.timings) parts.push(`${(job.timings.encode + job.timings.denoise + job.timings.decode + job.timings.upload).toFixed(1)} s`);
  return parts.join(" · ");
}
