//! The driver, through cudarc: one context and one stream, memory, functions, graphs. All work is in the stream's order, so
//! that nothing waits but reads, and writes when those before them aren't done.
#![allow(unsafe_code, reason = "launches and copies of a device are foreign calls with raw addresses")]

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use azulejo_shaders::{Call, Run};
use cudarc::driver::sys::{self, CUgraphInstantiate_flags, CUresult, CUstreamCaptureMode};
use cudarc::driver::{
    CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaSlice, CudaStream, DevicePtr, DriverError,
    PinnedHostSlice, result,
};
use cudarc::nvrtc::Ptx;

use super::error::CudaError;
use crate::writer::Written;

/// Memory of the device that several things use.
pub(super) type Memory = Arc<Allocation>;

/// Memory of the device. It is freed in the stream's order, behind all that was asked of it before.
#[derive(Debug)]
pub(super) struct Allocation(CudaSlice<u8>);

impl Allocation {
    /// Its bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // The thread that lets it go may never have used the device, and cudarc frees in whatever context there is.
        let _ = self.0.context().bind_to_thread();
    }
}

/// How many devices there are.
pub(super) fn device_count() -> Result<usize, CudaError> {
    // SAFETY: it opens the driver's library and closes it again, which runs its initialisers; NVIDIA's have no precondition.
    // Without this question cudarc panics where there is none.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDriver);
    }
    match CudaContext::device_count() {
        Ok(count) => Ok(usize::try_from(count).unwrap_or(0)),
        Err(error) => CudaError::none_shown(error),
    }
}

/// The newest version of CUDA that the driver knows, major and minor.
pub(super) fn driver_version() -> Result<(i32, i32), CudaError> {
    // SAFETY: as in `device_count`.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDriver);
    }
    let mut version = 0;
    // SAFETY: it writes one number: 1000 times the major and 10 times the minor version.
    unsafe { sys::cuDriverGetVersion(&mut version) }
        .result()
        .map_err(CudaError::driver("tell its version"))?;
    Ok((version / 1000, version % 1000 / 10))
}

/// A device's name, the bytes of its memory and its compute capability.
pub(super) fn describe(device: sys::CUdevice) -> Result<(String, u64, (i32, i32)), DriverError> {
    let number = |attribute| {
        // SAFETY: the device is the driver's own (`cuDeviceGet`).
        unsafe { result::device::get_attribute(device, attribute) }
    };
    // SAFETY: as above.
    let bytes = unsafe { result::device::total_mem(device) }?;
    let major = number(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = number(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    Ok((result::device::get_name(device)?, bytes as u64, (major, minor)))
}

/// The oldest version of CUDA whose drivers have all the functions that are called.
const OLDEST: (i32, i32) = (12, 0);
/// Bytes of one of the buffers that writes are copied from: twice the pieces that weights come in.
const STAGED_BYTES: usize = 2 << 20;
/// How many there are: as many writes are under way while the next one is made.
const STAGES: usize = 4;

/// A device with its one stream.
#[derive(Debug)]
pub(super) struct Driver {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    /// What launches are recorded on. Nothing ever runs there: while a stream records, it takes whatever any thread asks of
    /// it, which the work of other sessions must not become part of.
    recorder: Mutex<Arc<CudaStream>>,
    staging: Mutex<Staging>,
}

/// Pinned memory of the host that writes are copied from, while the next one is put into another buffer.
#[derive(Debug)]
struct Staging {
    stages: Vec<Stage>,
    /// The one whose turn it is.
    next: usize,
}

#[derive(Debug)]
struct Stage {
    memory: PinnedHostSlice<u8>,
    /// Reached when nothing is copied from it any more.
    free: CudaEvent,
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.free.synchronize();
    }
}

/// Waits for all work when it is dropped. What work uses without being freed in the stream's order (functions, graphs,
/// pinned memory) goes after one of these.
#[derive(Debug)]
pub(super) struct Finish(Arc<CudaStream>);

impl Drop for Finish {
    fn drop(&mut self) {
        // A device that is lost has no work left.
        let _ = self.0.synchronize();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Kernels are unloaded after it.
        let _ = self.stream.synchronize();
    }
}

/// A kernel's function on the device.
#[derive(Debug)]
pub(super) struct Function {
    function: CudaFunction,
    /// Threads of a block.
    threads: u32,
    /// How many of a call's workgroups a block does ([`Written::share`]).
    share: [u32; 2],
}

/// A function with what it is called with. It keeps its memory.
#[derive(Debug)]
pub(super) struct Launch {
    function: Arc<Function>,
    /// Addresses, and elements of arrays; an argument of 32 bits is in the lower half.
    arguments: Vec<u64>,
    _memory: Vec<Memory>,
}

/// A recorded sequence of launches. It keeps what they use.
pub(super) struct Graph {
    graph: CudaGraph,
    context: Arc<CudaContext>,
    _functions: Vec<Arc<Function>>,
    _memory: Vec<Memory>,
}

impl Drop for Graph {
    fn drop(&mut self) {
        // As for memory: cudarc doesn't.
        let _ = self.context.bind_to_thread();
    }
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
    /// Reached when it is there; with `is_asked` only, since a new event counts as reached.
    done: CudaEvent,
    is_asked: bool,
}

impl Drop for ReadBack {
    fn drop(&mut self) {
        // The driver may be about to write to it.
        let _ = self.done.synchronize();
    }
}

impl Driver {
    pub(super) fn open(index: usize) -> Result<Self, CudaError> {
        let count = device_count()?;
        if index >= count {
            return Err(CudaError::NoSuchDevice { index, count });
        }
        let version = driver_version()?;
        if version < OLDEST {
            return Err(CudaError::OldDriver { driver: version, needs: OLDEST });
        }
        let open = CudaError::open(index);
        let context = CudaContext::new(index).map_err(&open)?;
        // SAFETY: there is one stream that runs something, in whose order all memory is made, used and freed.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(&open)?;
        let recorder = Mutex::new(context.new_stream().map_err(&open)?);
        let stage = || {
            // SAFETY: nothing is read from it but what was written to it before.
            let memory = unsafe { context.alloc_pinned_with_flags(STAGED_BYTES, 0) }?;
            Ok(Stage { memory, free: context.new_event(None)? })
        };
        let stages: Result<Vec<Stage>, DriverError> = (0..STAGES).map(|_| stage()).collect();
        let staging = Mutex::new(Staging { stages: stages.map_err(&open)?, next: 0 });
        Ok(Self { context, stream, recorder, staging })
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

    /// Bytes that are free, and all there are, once what was freed is. A GPU that has the host's memory can have all of it:
    /// what is told as free there leaves out what the system would give up.
    pub(super) fn room(&self) -> Result<(u64, u64), CudaError> {
        let failed = CudaError::driver("tell its memory");
        self.wait()?;
        let (free, total) = self.context.mem_get_info().map_err(&failed)?;
        let integrated = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_INTEGRATED;
        let is_integrated = self.context.attribute(integrated).map_err(&failed)? != 0;
        Ok((if is_integrated { total } else { free } as u64, total as u64))
    }

    /// Zeros. `what` is for errors.
    pub(super) fn zeros(&self, bytes: u64, what: &str) -> Result<Allocation, CudaError> {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let made = self.stream.alloc_zeros(length).map_err(|error| {
            if error.0 == CUresult::CUDA_ERROR_OUT_OF_MEMORY {
                let free = self.context.mem_get_info().map_or(0, |(free, _)| free as u64);
                CudaError::OutOfMemory { what: what.to_owned(), bytes, free }
            } else {
                CudaError::driver("make memory")(error)
            }
        });
        Ok(Allocation(made?))
    }

    /// Copies bytes to the device; they can be forgotten when it returns. The range must be inside.
    ///
    /// It goes through pinned memory: from other memory the driver copies by itself, during which the caller waits, and
    /// whether it has taken all bytes when it returns depends on the machine (driver API, "API synchronization behavior").
    pub(super) fn write(&self, memory: &Allocation, offset: usize, bytes: &[u8]) -> Result<(), CudaError> {
        assert!(
            offset.checked_add(bytes.len()).is_some_and(|end| end <= memory.len()),
            "a write beyond its memory"
        );
        let failed = CudaError::driver("write to the device");
        self.bind()?;
        let (mut address, _record) = memory.0.device_ptr(&self.stream);
        address += offset as u64;
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.chunks(STAGED_BYTES) {
            let place = staging.next;
            staging.next = (place + 1) % STAGES;
            let Stage { memory: pinned, free } = &mut staging.stages[place];
            free.synchronize().map_err(&failed)?;
            let staged = pinned.as_mut_ptr().map_err(&failed)?;
            // SAFETY: a piece is no longer than a stage, which nothing else uses: others wait for the lock, and the device
            // is done with it.
            let staged = unsafe {
                std::ptr::copy_nonoverlapping(piece.as_ptr(), staged, piece.len());
                std::slice::from_raw_parts(staged, piece.len())
            };
            // SAFETY: the range is inside of the memory, which the stream has made before; the stage stays as it is until the
            // event is reached.
            unsafe { result::memcpy_htod_async(address, staged, self.stream.cu_stream()) }
                .map_err(&failed)?;
            free.record(&self.stream).map_err(&failed)?;
            address += piece.len() as u64;
        }
        Ok(())
    }

    /// Sets a word, without memory of the host that would have to stay.
    pub(super) fn set(&self, memory: &Allocation, word: usize, value: u32) -> Result<(), CudaError> {
        assert!(4 * word + 4 <= memory.len(), "a word beyond its memory");
        self.bind()?;
        let (address, _record) = memory.0.device_ptr(&self.stream);
        // SAFETY: the word is inside of the memory, which the stream has made before.
        unsafe { sys::cuMemsetD32Async(address + 4 * word as u64, value, 1, self.stream.cu_stream()) }
            .result()
            .map_err(CudaError::driver("write to the device"))
    }

    /// Reads the first words, when all before is done.
    pub(super) fn read(&self, memory: &Allocation, words: usize) -> Result<Vec<u32>, CudaError> {
        let failed = CudaError::driver("read from the device");
        let mut bytes = vec![0; 4 * words];
        self.stream.memcpy_dtoh(&memory.0.slice(..4 * words), &mut bytes).map_err(&failed)?;
        // A copy to memory that isn't pinned need not be over when the call returns.
        self.stream.synchronize().map_err(&failed)?;
        Ok(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// Copies a whole memory to another of the same size.
    pub(super) fn copy(&self, from: &Allocation, to: &mut Allocation) -> Result<(), CudaError> {
        self.stream.memcpy_dtod(&from.0, &mut to.0).map_err(CudaError::driver("copy on the device"))
    }

    pub(super) fn wait(&self) -> Result<(), CudaError> {
        self.stream.synchronize().map_err(CudaError::driver("finish"))
    }

    /// A function of machine code.
    pub(super) fn function(&self, cubin: Vec<u8>, written: &Written) -> Result<Function, CudaError> {
        let module = self.context.load_module(Ptx::from_binary(cubin));
        let module = module.map_err(CudaError::driver("load a kernel"))?;
        let function = module.load_function(&written.name).map_err(CudaError::driver("find a kernel"))?;
        Ok(Function { function, threads: written.threads, share: written.share })
    }

    /// Waits for all work when what it gives is dropped.
    pub(super) fn finish_at_drop(&self) -> Finish {
        Finish(Arc::clone(&self.stream))
    }

    /// Puts a launch on the stream.
    pub(super) fn launch(&self, launch: &Launch, grid: [u32; 3]) -> Result<(), CudaError> {
        self.launch_on(&self.stream, launch, grid)
    }

    fn launch_on(&self, stream: &CudaStream, launch: &Launch, grid: [u32; 3]) -> Result<(), CudaError> {
        self.bind()?;
        let mut arguments: Vec<*mut c_void> =
            launch.arguments.iter().map(|argument| std::ptr::from_ref(argument).cast_mut().cast()).collect();
        let [x, y, z] = grid;
        let (function, stream) = (launch.function.function.cu_function(), stream.cu_stream());
        // SAFETY: there is an argument for each of the function's parameters, of its size (`Launch::new`), all of which CUDA
        // copies before it returns; the launch keeps its memory. A kernel stays inside of it: it is written from the text
        // that WebGPU's checks have accepted, or by hand, and passed its cases on the host with every index checked.
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
        let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        // Of this thread's calls alone those are refused that can't be recorded; others load models meanwhile.
        recorder.begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).map_err(&failed)?;
        let put = launches.iter().try_for_each(|(launch, grid)| self.launch_on(&recorder, launch, *grid));
        // Ended whatever came of it, so that the next one can begin.
        let graph = recorder.end_capture(CUgraphInstantiate_flags(0));
        put?;
        let nothing =
            || CudaError::Driver { what: "record a step", detail: "it recorded nothing".to_owned() };
        let graph = Graph {
            graph: graph.map_err(&failed)?.ok_or_else(nothing)?,
            context: Arc::clone(&self.context),
            _functions: launches.iter().map(|(launch, _)| Arc::clone(&launch.function)).collect(),
            _memory: launches.iter().flat_map(|(launch, _)| launch._memory.iter().cloned()).collect(),
        };
        // SAFETY: both are there; the graph belongs to nobody else yet.
        unsafe { result::graph::upload(graph.graph.cu_graph_exec(), self.stream.cu_stream()) }
            .map_err(&failed)?;
        Ok(graph)
    }

    /// Puts a recorded sequence on the stream.
    pub(super) fn replay(&self, graph: &mut Graph) -> Result<(), CudaError> {
        self.bind()?;
        // SAFETY: both are there, and nobody else has the graph. (cudarc's own would put it on the stream that recorded it.)
        unsafe { result::graph::launch(graph.graph.cu_graph_exec(), self.stream.cu_stream()) }
            .map_err(CudaError::driver("start a recorded step"))
    }

    /// Room for a word that is read back.
    pub(super) fn read_back(&self) -> Result<ReadBack, CudaError> {
        let failed = CudaError::driver("make pinned memory");
        // SAFETY: what is in it is read only after a copy to it.
        let word = unsafe { self.context.alloc_pinned_with_flags(1, 0) }.map_err(&failed)?;
        let done = self.context.new_event(None).map_err(&failed)?;
        Ok(ReadBack { word, done, is_asked: false })
    }

    /// Copies the first word of a memory to the host, in the stream's order.
    pub(super) fn read_later(&self, memory: &Allocation, to: &mut ReadBack) -> Result<(), CudaError> {
        let failed = CudaError::driver("read from the device");
        assert!(memory.len() >= 4, "a word beyond its memory");
        self.bind()?;
        let (address, _record) = memory.0.device_ptr(&self.stream);
        let word = to.word.as_mut_slice().map_err(&failed)?;
        // SAFETY: the word is inside of the memory; what it is copied to is pinned, isn't looked at before the event is
        // reached, and waits for that when it is dropped.
        unsafe { result::memcpy_dtoh_async(word, address, self.stream.cu_stream()) }.map_err(&failed)?;
        to.done.record(&self.stream).map_err(&failed)?;
        to.is_asked = true;
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
        if !self.is_asked {
            return Err(CudaError::NothingToRead("a token"));
        }
        self.done.synchronize().map_err(&failed)?;
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
            let (address, _record) = memory.0.device_ptr(&driver.stream);
            arguments.push(address + offset);
            arguments.extend(elements.map(u64::from));
        }
        Self { function, arguments, _memory: memory.into_iter().map(|(memory, ..)| memory).collect() }
    }

    /// The blocks for a call in a step.
    pub(super) fn grid(&self, call: &Call, run: Run) -> [u32; 3] {
        call.blocks(run, self.function.share)
    }
}
