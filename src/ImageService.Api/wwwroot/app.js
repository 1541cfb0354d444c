// The page: a form on one side, a card for each job on the other.
import { listJobs, listModels, listSchedulers } from "./api.js";
import { offer, reuse, setPrompt, setUpForm } from "./form.js";
import { addJob } from "./jobs.js";
import { setUpTheme } from "./theme.js";

const ideas = [
  "a red apple, 3d style, on a blue background",
  "a sunflower, flat style, on a green background",
  "an owl, 3d style, on a purple background",
  "a small whale, flat style, on a yellow background",
];
const service = document.getElementById("service");
const more = document.getElementById("more");
let next = null;

setUpTheme();
setUpForm((job) => addJob(job, "first", reuse).scrollIntoView({ block: "nearest", behavior: "smooth" }));
document.getElementById("ideas").replaceChildren(...ideas.map(idea));
more.addEventListener("click", loadJobs);
await Promise.all([loadModels(), loadJobs()]);

async function loadModels() {
  try {
    const [models, schedulers] = await Promise.all([listModels(), listSchedulers()]);
    offer(models, schedulers);
    service.textContent = models.length > 0 ? "" : "No model is ready yet";
    // A service that has just started announces its models in a moment.
    if (models.length === 0) setTimeout(loadModels, 2000);
  } catch (problem) {
    service.textContent = problem.message;
    setTimeout(loadModels, 5000);
  }
}

async function loadJobs() {
  try {
    const page = await listJobs(next);
    for (const job of page.jobs) addJob(job, "last", reuse);
    next = page.next;
    more.hidden = next === null;
    document.getElementById("empty").hidden = document.getElementById("jobs").childElementCount > 0;
  } catch (problem) {
    service.textContent = problem.message;
  }
}

function idea(text) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: text });
  button.addEventListener("click", () => setPrompt(text));
  const item = document.createElement("li");
  item.append(button);
  return item;
}
