/** Something that is wrong, and what to do about it. */
export interface Finding {
  readonly check: Check
  readonly problem: string
  readonly remedy: string
}

export type Check = 'node' | 'configuration' | 'packages' | 'backend' | 'ports' | 'import order' | 'delivery'
