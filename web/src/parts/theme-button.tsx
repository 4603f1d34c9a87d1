/** Goes round system, light and dark. */
import { nextTheme, type Theme, theme } from "../theme.ts";
import { Icon, type IconName } from "./icon.tsx";
import { t } from "../messages/messages.ts";

const ICONS: Record<Theme, IconName> = { system: "auto", light: "sun", dark: "moon" };

export function ThemeButton() {
  const name = t().colours[theme.value];
  return (
    <button type="button" class="button button-quiet button-small" aria-label={t().colours.change(name)} title={t().colours.are(name)} onClick={nextTheme}>
      <Icon name={ICONS[theme.value]} />
    </button>
  );
}
