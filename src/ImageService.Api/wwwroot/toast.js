// A short word that goes away by itself.
const place = document.getElementById("toast");
let timer;

export function toast(text) {
  clearTimeout(timer);
  place.textContent = text;
  place.classList.add("shown");
  timer = setTimeout(() => place.classList.remove("shown"), 2500);
}
