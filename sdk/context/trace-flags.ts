/** The trace is recorded by who sent it. */
export const sampledFlag = 1
/** At least the right-most seven bytes of the trace id are random (level 2): others may sample by them. */
export const randomFlag = 2
