// The libraries' names that the page uses, in one place.
import { h } from 'preact';
import htm from 'htm';

export { Fragment, h, render } from 'preact';
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal } from '@preact/signals';
export const html = htm.bind(h);
export const classes = (...names) => names.filter(Boolean).join(' ');
