/**
 * The words that are on the screen before the app is there: of the boot script and of the whole tables alike, so that they do not change
 * when the app takes over.
 */
export const SHELL_WORDS = {
  en: {
    skip: "Skip to the content",
    main: "Main",
    catalogue: "Catalogue",
    catalogueLead: "Short modules, in the order they build on each other. What you open stays readable with no network.",
    progress: "Progress",
    history: "History",
    account: "Account",
    loading: "Loading…",
    minutes: (count: number) => `${count} min`,
    difficulty: { beginner: "Beginner", intermediate: "Intermediate", advanced: "Advanced" } as Record<string, string>,
  },
  fr: {
    skip: "Aller au contenu",
    main: "Principal",
    catalogue: "Catalogue",
    catalogueLead: "Des modules courts, dans l’ordre où ils se suivent. Ce que vous ouvrez reste lisible sans réseau.",
    progress: "Progrès",
    history: "Historique",
    account: "Compte",
    loading: "Chargement…",
    minutes: (count: number) => `${count} min`,
    difficulty: { beginner: "Débutant", intermediate: "Intermédiaire", advanced: "Avancé" } as Record<string, string>,
  },
};
