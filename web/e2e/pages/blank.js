// The package as a site serves it, in reach of a test's code.
import * as azulejo from "/azulejo/index.js";

window.azulejo = azulejo;
