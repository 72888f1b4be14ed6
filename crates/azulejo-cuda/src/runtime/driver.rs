//! The driver, through cudarc: one context and one stream, memory, functions, graphs. All work is in the stream's order, so
//! that nothing waits but reads.
#![allow(unsafe_code, reason = "launches and copies of a device are foreign calls with raw addresses")]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::sys::{self, CUgraphInstantiate_flags, CUresult, CUstreamCaptureMode};
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaSlice, CudaStream, DevicePtr, DriverError,
    PinnedHostSlice, result,
};
use cudarc::nvrtc::Ptx;

use super::error::{CudaError, words};

/// Memory of the device.
pub(super) type Memory = Arc<CudaSlice<u8>>;

/// How many devices there are.
pub(super) fn device_count() -> Result<usize, CudaError> {
    // SAFETY: it opens the driver's library and closes it again, which runs its initialisers; NVIDIA's have no precondition.
    // Without this question cudarc panics where there is none.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDriver);
    }
    match CudaContext::device_count() {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => Ok(0),
        Err(error) => Err(CudaError::driver("count the devices")(error)),
    }
}

/// A device with its one stream.
#[derive(Debug)]
pub(super) struct Driver {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
}

/// A kernel's function on the device.
#[derive(Debug)]
pub(super) struct Function {
    function: CudaFunction,
    /// Threads of a block.
    pub(super) threads: u32,
}

/// A function with what it is called with. It keeps its memory.
#[derive(Debug)]
pub(super) struct Launch {
    function: Arc<Function>,
    /// Addresses, and elements of arrays; an argument of 32 bits is in the lower half.
    arguments: Vec<u64>,
    _memory: Vec<Memory>,
}

/// A recorded sequence of launches.
pub(super) struct Graph {
    graph: CudaGraph,
    _launches: Vec<Memory>,
}

// SAFETY: a graph may be used by any thread, one at a time; whoever launches it has it exclusively (`Driver::replay`).
unsafe impl Send for Graph {}
// SAFETY: nothing can be done with a shared one.
unsafe impl Sync for Graph {}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Graph")
    }
}

/// A word on its way to the host.
#[derive(Debug)]
pub(super) struct ReadBack {
    word: PinnedHostSlice<u32>,
    done: Option<CudaEvent>,
}

// SAFETY: pinned memory is the process's, and is read only by who has this exclusively or after the event.
unsafe impl Send for ReadBack {}
// SAFETY: as above; a shared one gives nothing.
unsafe impl Sync for ReadBack {}

impl Driver {
    pub(super) fn open(index: usize) -> Result<Self, CudaError> {
        let count = device_count()?;
        if index >= count {
            return Err(CudaError::NoSuchDevice { index, count });
        }
        let open = |error: DriverError| CudaError::Open { index, detail: words(&error) };
        let context = CudaContext::new(index).map_err(open)?;
        // SAFETY: there is one stream, in whose order all memory is made, used and freed.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(open)?;
        Ok(Self { context, stream })
    }

    pub(super) fn name(&self) -> Result<String, CudaError> {
        self.context.name().map_err(CudaError::driver("name the device"))
    }

    /// Where the device is on the PCI bus: domain, bus and device, in hexadecimal digits.
    pub(super) fn pci_address(&self) -> Result<String, CudaError> {
        use sys::CUdevice_attribute as A;
        let number = |attribute| {
            self.context.attribute(attribute).map_err(CudaError::driver("tell where the device is"))
        };
        let domain = number(A::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?;
        let bus = number(A::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?;
        let device = number(A::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?;
        // A device's functions besides the first aren't for computing.
        Ok(format!("{domain:04x}:{bus:02x}:{device:02x}.0"))
    }

    /// Major and minor.
    pub(super) fn compute_capability(&self) -> Result<(i32, i32), CudaError> {
        self.context.compute_capability().map_err(CudaError::driver("tell the device's kind"))
    }

    /// The newest version of CUDA that the driver knows, as 1000 times the major and 10 times the minor one.
    pub(super) fn version(&self) -> Result<i32, CudaError> {
        let mut version = 0;
        // SAFETY: it writes one number.
        unsafe { sys::cuDriverGetVersion(&mut version) }
            .result()
            .map_err(CudaError::driver("tell its version"))?;
        Ok(version)
    }

    /// Zeros. `what` is for errors.
    pub(super) fn zeros(&self, bytes: u64, what: &str) -> Result<CudaSlice<u8>, CudaError> {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.stream.alloc_zeros(length).map_err(|error| {
            if error.0 == CUresult::CUDA_ERROR_OUT_OF_MEMORY {
                let free = self.context.mem_get_info().map_or(0, |(free, _)| free as u64);
                CudaError::OutOfMemory { what: what.to_owned(), bytes, free }
            } else {
                CudaError::driver("make memory")(error)
            }
        })
    }

    /// Copies bytes to the device; they can be forgotten when it returns. The range must be inside.
    pub(super) fn write(&self, memory: &CudaSlice<u8>, offset: usize, bytes: &[u8]) -> Result<(), CudaError> {
        assert!(
            offset.checked_add(bytes.len()).is_some_and(|end| end <= memory.len()),
            "a write beyond its memory"
        );
        self.bind()?;
        let (address, _record) = memory.device_ptr(&self.stream);
        // SAFETY: the range is inside of the memory, which the stream has made before; memory that isn't pinned is taken in
        // before the call returns (CUDA driver API, "API synchronization behavior").
        unsafe { result::memcpy_htod_async(address + offset as u64, bytes, self.stream.cu_stream()) }
            .map_err(CudaError::driver("write to the device"))
    }

    /// Sets a word, without memory of the host that would have to stay.
    pub(super) fn set(&self, memory: &CudaSlice<u8>, word: usize, value: u32) -> Result<(), CudaError> {
        assert!(4 * word + 4 <= memory.len(), "a word beyond its memory");
        self.bind()?;
        let (address, _record) = memory.device_ptr(&self.stream);
        // SAFETY: the word is inside of the memory, which the stream has made before.
        unsafe { sys::cuMemsetD32Async(address + 4 * word as u64, value, 1, self.stream.cu_stream()) }
            .result()
            .map_err(CudaError::driver("write to the device"))
    }

    /// Reads the first words, when all before is done.
    pub(super) fn read(&self, memory: &CudaSlice<u8>, words: usize) -> Result<Vec<u32>, CudaError> {
        let bytes = self.stream.clone_dtoh(&memory.slice(..4 * words));
        let bytes = bytes.map_err(CudaError::driver("read from the device"))?;
        Ok(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// Copies a whole memory to another of the same size.
    pub(super) fn copy(&self, from: &CudaSlice<u8>, to: &mut CudaSlice<u8>) -> Result<(), CudaError> {
        self.stream.memcpy_dtod(from, to).map_err(CudaError::driver("copy on the device"))
    }

    pub(super) fn wait(&self) -> Result<(), CudaError> {
        self.stream.synchronize().map_err(CudaError::driver("finish"))
    }

    /// A function of machine code.
    pub(super) fn function(&self, cubin: Vec<u8>, name: &str, threads: u32) -> Result<Function, CudaError> {
        let module = self.context.load_module(Ptx::from_binary(cubin));
        let module = module.map_err(CudaError::driver("load a kernel"))?;
        let function = module.load_function(name).map_err(CudaError::driver("find a kernel"))?;
        Ok(Function { function, threads })
    }

    /// Puts a launch on the stream.
    pub(super) fn launch(&self, launch: &Launch, grid: [u32; 3]) -> Result<(), CudaError> {
        self.bind()?;
        let mut arguments: Vec<*mut c_void> =
            launch.arguments.iter().map(|argument| std::ptr::from_ref(argument).cast_mut().cast()).collect();
        let [x, y, z] = grid;
        let (function, stream) = (launch.function.function.cu_function(), self.stream.cu_stream());
        // SAFETY: there is an argument for each of the function's parameters, of its size (`Launch::new`), all of which CUDA
        // copies before it returns; the launch keeps its memory. A kernel stays inside of it: it is written from the text
        // that WebGPU's checks have accepted, and passed its cases on the host with every index checked.
        unsafe {
            result::launch_kernel(
                function,
                (x, y, z),
                (launch.function.threads, 1, 1),
                0,
                stream,
                &mut arguments,
            )
        }
        .map_err(CudaError::driver("start a kernel"))
    }

    /// Records launches, of which none runs yet.
    pub(super) fn record(&self, launches: &[(&Launch, [u32; 3])]) -> Result<Graph, CudaError> {
        let failed = CudaError::driver("record a step");
        self.stream
            .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
            .map_err(&failed)?;
        let put = launches.iter().try_for_each(|(launch, grid)| self.launch(launch, *grid));
        // Ended whatever came of it: a stream that is being recorded runs nothing.
        let graph = self.stream.end_capture(CUgraphInstantiate_flags(0));
        put?;
        let nothing =
            || CudaError::Driver { what: "record a step", detail: "it recorded nothing".to_owned() };
        let graph = graph.map_err(&failed)?.ok_or_else(nothing)?;
        graph.upload().map_err(&failed)?;
        let memory = launches.iter().flat_map(|(launch, _)| launch._memory.iter().cloned());
        Ok(Graph { graph, _launches: memory.collect() })
    }

    /// Puts a recorded sequence on the stream.
    pub(super) fn replay(&self, graph: &mut Graph) -> Result<(), CudaError> {
        graph.graph.launch().map_err(CudaError::driver("start a recorded step"))
    }

    /// Room for a word that is read back.
    pub(super) fn read_back(&self) -> Result<ReadBack, CudaError> {
        // SAFETY: what is in it is read only after a copy to it.
        let word = unsafe { self.context.alloc_pinned_with_flags(1, 0) };
        Ok(ReadBack { word: word.map_err(CudaError::driver("make pinned memory"))?, done: None })
    }

    /// Copies the first word of a memory to the host, in the stream's order.
    pub(super) fn read_later(&self, memory: &CudaSlice<u8>, to: &mut ReadBack) -> Result<(), CudaError> {
        let failed = CudaError::driver("read from the device");
        let view = memory.slice(..4);
        // SAFETY: four bytes are one word, and memory is aligned to 256 bytes.
        let view = unsafe { view.transmute::<u32>(1) };
        let view = view.ok_or(CudaError::NothingToRead("a token"))?;
        self.stream.memcpy_dtoh(&view, &mut to.word).map_err(&failed)?;
        to.done = Some(self.mark()?);
        Ok(())
    }

    /// A mark in the stream, with its time.
    pub(super) fn mark(&self) -> Result<CudaEvent, CudaError> {
        let event = self.stream.record_event(Some(sys::CUevent_flags::CU_EVENT_DEFAULT));
        event.map_err(CudaError::driver("mark a time"))
    }

    fn bind(&self) -> Result<(), CudaError> {
        self.context.bind_to_thread().map_err(CudaError::driver("be used by this thread"))
    }
}

impl ReadBack {
    /// The word, when it is there.
    pub(super) fn wait(&self) -> Result<u32, CudaError> {
        let failed = CudaError::driver("finish a step");
        let done = self.done.as_ref().ok_or(CudaError::NothingToRead("a token"))?;
        done.synchronize().map_err(&failed)?;
        Ok(self.word.as_slice().map_err(&failed)?[0])
    }
}

/// Seconds from one mark to the next, when both are reached.
pub(super) fn seconds(from: &CudaEvent, to: &CudaEvent) -> Result<f64, CudaError> {
    let milliseconds = from.elapsed_ms(to).map_err(CudaError::driver("tell a time"))?;
    Ok(f64::from(milliseconds) / 1000.0)
}

impl Launch {
    /// Of memories, each with its first byte and, for an array, its number of elements, in the order of the parameters.
    pub(super) fn new(
        driver: &Driver,
        function: Arc<Function>,
        memory: Vec<(Memory, u64, Option<u32>)>,
    ) -> Self {
        let mut arguments = Vec::new();
        for (memory, offset, elements) in &memory {
            let (address, _record) = memory.device_ptr(&driver.stream);
            arguments.push(address + offset);
            arguments.extend(elements.map(u64::from));
        }
        Self { function, arguments, _memory: memory.into_iter().map(|(memory, ..)| memory).collect() }
    }
}
