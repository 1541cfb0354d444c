// Light, dark, or as the system has it.
const button = document.getElementById("theme");
const names = { auto: "Auto", light: "Light", dark: "Dark" };
const next = { auto: "light", light: "dark", dark: "auto" };

function apply(theme) {
  document.documentElement.dataset.theme = theme;
  button.textContent = names[theme];
  button.setAttribute("aria-label", `Colours: ${theme === "auto" ? "as the system" : theme}`);
}

export function setUpTheme() {
  apply(localStorage.getItem("theme") in names ? localStorage.getItem("theme") : "auto");
  button.addEventListener("click", () => {
    const theme = next[document.documentElement.dataset.theme];
    localStorage.setItem("theme", theme);
    apply(theme);
  });
}
