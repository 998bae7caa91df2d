// What is said to people, in the language of their browser: each text is in `en.js` and in `de.js` under the same key.

const LANGUAGES = ['en', 'de'];
const primary = (tag) => tag.toLowerCase().split('-')[0];

/// The first of the browser's languages that this page has, with its country: numbers and dates are written as there.
const locale = navigator.languages?.find((tag) => LANGUAGES.includes(primary(tag))) ?? 'en';
export const language = primary(locale);

const plurals = new Intl.PluralRules(language);
let texts = {};

/// Before any other file of the page, since these say their texts as they are loaded.
export async function learn() {
  texts = (await import(`./${language}.js`)).default;
  document.documentElement.lang = language;
}

/// Whether there is such a text: the device may know words that this page does not.
export const known = (key) => Object.hasOwn(texts, key);

/// The text of `key` with `values` in the places of their names; its parts, since values may be elements. Of texts with a plural,
/// the value `n` chooses.
export function tell(key, values = {}) {
  const found = texts[key] ?? key;
  const text = typeof found === 'string' ? found : (found[plurals.select(values.n)] ?? found.other);
  return text
    .split(/\{(\w+)\}/)
    .flatMap((part, place) => (place % 2 ? shown(values[part]) : part))
    .filter((part) => part !== '');
}

export const say = (key, values) => tell(key, values).map((part) => part.textContent ?? part).join('');

const shown = (value) => (typeof value === 'number' ? number(value) : (value ?? ''));

export const number = (value, options) => value.toLocaleString(locale, options);

export const percent = (share, digits = 0) => number(share, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });

/// A time of today by its hour, any other with its date.
export function when(text) {
  const at = new Date(text ?? NaN);
  if (Number.isNaN(at.getTime())) return '';
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(locale, today ? { hour: '2-digit', minute: '2-digit' } : { dateStyle: 'medium', timeStyle: 'short' });
}

/// `a, b and c`; the parts may be elements.
export function list(parts) {
  const places = new Intl.ListFormat(locale).formatToParts(parts.map((_, place) => String(place)));
  return places.map(({ type, value }) => (type === 'element' ? parts[Number(value)] : value));
}
