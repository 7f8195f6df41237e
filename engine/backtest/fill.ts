/**
 * The fill under way, as it passes from function to function. Numbers travel in it and not as arguments: one that is handed to a
 * function which is not inlined becomes an object (decision 19).
 */
export class Fill {
  /** What is asked for, and the price before slippage. */
  wanted = NaN
  reference = NaN
  /** What is filled, at which price, and what that costs in all. */
  quantity = NaN
  price = NaN
  commission = NaN
  slippage = NaN
  /** Of an exit: what one lot contributes, and its share of the costs. */
  part = NaN
  partCommission = NaN
  partSlippage = NaN
}
