import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

/** Paints a canvas when what it shows has changed, when its size has, and when the colours turn dark or light. */
export function usePaintedCanvas(
  canvas: RefObject<HTMLCanvasElement | null>,
  paint: (canvas: HTMLCanvasElement) => void,
  shows: readonly unknown[],
): void {
  useEffect(() => {
    const element = canvas.current
    if (element === null) return undefined
    const draw = (): void => paint(element)
    const watch = new ResizeObserver(draw)
    watch.observe(element)
    const theme = matchMedia('(prefers-color-scheme: dark)')
    theme.addEventListener('change', draw)
    return () => {
      watch.disconnect()
      theme.removeEventListener('change', draw)
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- what the caller says that it paints
  }, shows)
}
