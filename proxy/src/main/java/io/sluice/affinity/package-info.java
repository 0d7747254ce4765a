/**
 * Which bytes decide the backend: no socket, no clock; imports nothing of ours. A key once released
 * stays as it is: tests pin its values.
 */
@NullMarked
package io.sluice.affinity;

import org.jspecify.annotations.NullMarked;
