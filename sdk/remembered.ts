const mostRemembered = 4096

/**
 * `find`, which must always answer the same and not with undefined, with its answers kept: 4,096 of them, then it begins
 * anew. What is not `worthIt` is not kept.
 */
export function remembered<Question, Answer>(
  find: (question: Question) => Answer,
  worthIt: (question: Question) => boolean = () => true,
): (question: Question) => Answer {
  const known = new Map<Question, Answer>()
  return (question) => {
    const found = known.get(question)
    if (found !== undefined) return found
    const answer = find(question)
    if (worthIt(question)) {
      if (known.size >= mostRemembered) known.clear()
      known.set(question, answer)
    }
    return answer
  }
}
