/** From which side a language is written. */
const FROM_THE_RIGHT = /^(ar|arc|ckb|dv|fa|he|khw|ks|ku-arab|nqo|ps|sd|ug|ur|yi)(-|$)/i;

export function directionOf(language: string): "ltr" | "rtl" {
  return FROM_THE_RIGHT.test(language) ? "rtl" : "ltr";
}
