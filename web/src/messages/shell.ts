/** The words that are on the screen before the app is there: the boot script's and the app's, so that they do not change when it takes over. */
export const SHELL_WORDS = {
  main: "Main",
  catalogue: "Catalogue",
  catalogueLead: "Short modules, in the order they build on each other. What you open stays readable with no network.",
  loading: "Loading…",
  minutes: (count: number) => `${count} min`,
  difficulty: { beginner: "Beginner", intermediate: "Intermediate", advanced: "Advanced" },
};
