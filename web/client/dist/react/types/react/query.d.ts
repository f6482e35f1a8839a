import { type EventNames } from '@cuelight/react';
import { type QueryKey } from '@tanstack/react-query';
/**
 * Has the queries under the key loaded anew after such events, and after a cut that may have swallowed some: once for a
 * burst, and never twice at a time.
 */
export declare function useCueInvalidate(on: EventNames, queryKey: QueryKey): void;
