// The switch between Indonesian and English.

import { rememberLanguage, translate } from "./words.js";

/**
 * Let the buttons with `data-language` choose; begin with `first`.
 * Returns a function that chooses from the program.
 */
export function chooseLanguages(first, onChoice, { remember = true } = {}) {
  const buttons = document.querySelectorAll("[data-language]");
  const choose = (language) => {
    translate(document, language);
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.language === language));
    }
    onChoice(language);
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      if (remember) rememberLanguage(button.dataset.language);
      choose(button.dataset.language);
    });
  }
  choose(first);
  return choose;
}
