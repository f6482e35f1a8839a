import { type RefObject, useInsertionEffect, useRef } from 'react'

/** Holds what the component was last rendered with, for whoever calls later. */
export function useLatest<T>(value: T): RefObject<T> {
  const ref = useRef(value)
  useInsertionEffect(() => {
    ref.current = value
  })
  return ref
}
