/** Version of this package, as its spans and metrics carry it; a test compares it with package.json. */
export const packageVersion = '0.1.0'
