/** A record while it is still being written; users only see the read-only form. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }
