/** Which bytes decide the backend: no socket, no clock; imports nothing of ours. */
@NullMarked
package io.sluice.affinity;

import org.jspecify.annotations.NullMarked;
