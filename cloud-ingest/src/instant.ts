export { isoOf, microsOf } from '@fieldline/shared/contracts';
