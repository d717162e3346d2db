/** What threads may race for, each with its outcomes named (jcstress). */
package io.weir.benchmarks.stress;
