/** Goes round system, light and dark. */
import { nextTheme, type Theme, theme } from "../theme.ts";
import { Icon, type IconName } from "./icon.tsx";

const LOOKS: Record<Theme, { icon: IconName; name: string }> = {
  system: { icon: "auto", name: "as the system" },
  light: { icon: "sun", name: "light" },
  dark: { icon: "moon", name: "dark" },
};

export function ThemeButton() {
  const { icon, name } = LOOKS[theme.value];
  return (
    <button type="button" class="button button-quiet button-small" aria-label={`Colours: ${name}. Change`} title={`Colours: ${name}`} onClick={nextTheme}>
      <Icon name={icon} />
    </button>
  );
}
