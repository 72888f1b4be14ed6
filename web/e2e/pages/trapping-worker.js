// The engine's worker with a module that can be made to trap: what is left in its memory is nonsense, when told so.
import "./trapping.js";
import "/azulejo/worker.js";
