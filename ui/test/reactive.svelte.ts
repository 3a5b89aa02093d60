/** Props that a test changes. */
export function reactive<T extends object>(props: T): T {
  const state = $state(props);
  return state;
}
