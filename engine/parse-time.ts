const isoPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * Epoch milliseconds of an ISO 8601 date or date-time (UTC when it names no offset), or of a whole number of at
 * least 9 digits, which is taken as it is. NaN when it is neither or no such day exists. Written without Date: the
 * engine has no clock, and Date reads a date-time without offset in the machine's own zone.
 */
export const parseTime = (text: string): number => {
  if (/^-?\d{9,16}$/.test(text)) return Number(text)
  const found = isoPattern.exec(text)
  if (found === null) return Number.NaN
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = found
  const [y, m, d] = [Number(year), Number(month), Number(day)]
  const [h, min, s] = [Number(hour), Number(minute), Number(second)]
  if (m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m) || h > 23 || min > 59 || s > 59) return Number.NaN
  const millis = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return daysFromCivil(y, m, d) * 86_400_000 + ((h * 60 + min) * 60 + s) * 1000 + millis - offsetMs(zone)
}

/** `YYYYMMDD` of the UTC day that holds an epoch time. */
export const utcDay = (time: number): string => {
  const [year, month, day] = civilFromDays(Math.floor(time / 86_400_000))
  return `${String(year).padStart(4, '0')}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}

const offsetMs = (zone: string): number => {
  if (zone.toUpperCase() === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000
}

const daysInMonth = (y: number, m: number): number =>
  m === 2 ? (y % 4 === 0 && (y % 100 !== 0 || y % 400 === 0) ? 29 : 28) : [4, 6, 9, 11].includes(m) ? 30 : 31

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days since 1970-01-01 in the Gregorian calendar.
const daysFromCivil = (year: number, month: number, day: number): number => {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

const civilFromDays = (days: number): [year: number, month: number, day: number] => {
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const dayOfEra = z - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const mp = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * mp + 2) / 5) + 1
  const month = mp < 10 ? mp + 3 : mp - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day]
}
