// The form: models and schedulers fill it, and what the service finds wrong is shown at the field.
import { submitJob, Problem } from "./api.js";

const form = document.getElementById("form");
const control = (name) => form.elements[name];
const names = ["prompt", "negative_prompt", "model", "width", "height", "num_images", "num_inference_steps", "guidance_scale", "scheduler", "seed"];
let models = [];

/** @param {(job: object) => void} submitted called with each accepted job */
export function setUpForm(submitted) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(submitted);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("input", (event) => {
    showProblem(event.target.name, null);
    showValues();
  });
  control("model").addEventListener("change", () => takeDefaults(chosenModel()));
  document.getElementById("swap").addEventListener("click", () => {
    [control("width").value, control("height").value] = [control("height").value, control("width").value];
  });
  document.getElementById("clear-seed").addEventListener("click", () => {
    control("seed").value = "";
    showProblem("seed", null);
  });
}

export function offer(newModels, schedulers) {
  models = newModels;
  control("model").replaceChildren(...models.map((m) => new Option(m.id, m.id)));
  control("scheduler").replaceChildren(...schedulers.map((s) => new Option(s.name)));
  if (models.length > 0) takeDefaults(models[0]);
}

/** Puts a job's settings into the form. */
export function reuse(job, seed) {
  for (const name of names) control(name).value = job[name] ?? "";
  control("seed").value = seed ?? "";
  const model = chosenModel();
  if (model) limit(model);
  showValues();
  for (const name of names) showProblem(name, null);
  control("prompt").focus();
}

export function setPrompt(text) {
  control("prompt").value = text;
  control("prompt").focus();
}

async function submit(submitted) {
  const button = document.getElementById("generate");
  for (const name of names) showProblem(name, null);
  showProblem(null, null);
  button.disabled = true;
  try {
    submitted(await submitJob(toJson()));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    const unknown = Object.entries(problem.errors).filter(([name, [sentence]]) => !showProblem(name, sentence));
    if (unknown.length > 0 || Object.keys(problem.errors).length === 0) showProblem(null, problem.message);
    form.querySelector("[aria-invalid=true]")?.focus();
  } finally {
    button.disabled = false;
  }
}

function toJson() {
  const number = (name) => (control(name).value === "" ? null : Number(control(name).value));
  const body = {
    model: control("model").value || null,
    prompt: control("prompt").value,
    negative_prompt: control("negative_prompt").value,
    width: number("width"),
    height: number("height"),
    num_images: number("num_images"),
    num_inference_steps: number("num_inference_steps"),
    guidance_scale: number("guidance_scale"),
    scheduler: control("scheduler").value || null,
    preview_every: 2,
  };
  const seed = control("seed").value.trim();
  if (seed === "") return JSON.stringify(body);
  // Seeds go up to 2^63-1, beyond what a JavaScript number holds: digits are written as they stand, anything else as text for the service to refuse.
  const written = /^-?\d+$/.test(seed) ? seed.replace(/^(-?)0+(?=\d)/, "$1") : JSON.stringify(seed);
  return `${JSON.stringify(body).slice(0, -1)},"seed":${written}}`;
}

/** @returns {boolean} whether the page has such a field */
function showProblem(name, sentence) {
  const place = document.getElementById(name ? `${name}-problem` : "form-problem");
  if (!place) return false;
  place.textContent = sentence ?? "";
  place.hidden = !sentence;
  const input = name && control(name);
  if (input) {
    input.toggleAttribute("aria-invalid", Boolean(sentence));
    if (sentence) {
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", place.id);
    } else {
      input.removeAttribute("aria-describedby");
    }
  }
  return true;
}

const chosenModel = () => models.find((m) => m.id === control("model").value);

function takeDefaults(model) {
  limit(model);
  control("width").value = model.default_width;
  control("height").value = model.default_height;
  control("num_inference_steps").value = model.default_steps;
  control("guidance_scale").value = model.default_guidance_scale;
  control("scheduler").value = model.default_scheduler;
  showValues();
}

function limit(model) {
  for (const side of ["width", "height"]) {
    control(side).min = model.size_multiple;
    control(side).step = model.size_multiple;
  }
}

function showValues() {
  document.getElementById("steps-value").value = control("num_inference_steps").value;
  document.getElementById("guidance-value").value = Number(control("guidance_scale").value).toFixed(1);
}
