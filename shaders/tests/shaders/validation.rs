//! Every variant through naga: parser, validator, and the writers of the devices' languages.

use std::sync::LazyLock;

use azulejo_shaders::{Access, Tier};
use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, BuiltIn, Module, TypeInner};

use crate::{Shader, every_shader, report};

/// Exactly what naga lets a device of the tier have.
fn capabilities(tier: Tier) -> Capabilities {
    // `unpack2x16float` and its like; WebGPU has them without a feature.
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SHADER_FLOAT16, tier.f16());
    capabilities.set(Capabilities::SUBGROUP, tier.subgroups());
    capabilities
}

/// Parses and validates, or says what is wrong where.
fn validate(shader: &Shader) -> Result<(Module, ModuleInfo), String> {
    let source = &shader.linked.source;
    let at = |line: Option<u32>, text: String| {
        let place = line.map_or_else(|| "somewhere".to_owned(), |line| shader.origin(line));
        format!("{}: {place}: {text}", shader.name())
    };
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|e| at(e.location(source).map(|l| l.line_number), e.message().to_owned()))?;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities(shader.tier));
    let info = validator.validate(&module).map_err(|e| {
        let mut text = e.to_string();
        let mut cause = std::error::Error::source(e.as_inner());
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        at(e.location(source).map(|l| l.line_number), text)
    })?;
    Ok((module, info))
}

/// A shader, and its module or what is wrong with it.
type Validated = (Shader, Result<(Module, ModuleInfo), String>);

/// Every variant, parsed and validated once for all tests.
static VALIDATED: LazyLock<Vec<Validated>> = LazyLock::new(|| {
    every_shader()
        .into_iter()
        .map(|shader| {
            let result = validate(&shader);
            (shader, result)
        })
        .collect()
});

/// The valid ones of them; `every_variant_validates` tells of the others.
fn valid() -> impl Iterator<Item = (&'static Shader, &'static Module, &'static ModuleInfo)> {
    VALIDATED
        .iter()
        .filter_map(|(shader, result)| result.as_ref().ok().map(|(module, info)| (shader, module, info)))
}

#[test]
fn every_variant_validates() {
    let failures: Vec<String> =
        VALIDATED.iter().filter_map(|(_, result)| result.as_ref().err().cloned()).collect();
    report("every_variant_validates", VALIDATED.len(), &failures);
}

#[test]
fn capabilities_are_told_apart() {
    // Were the validator lenient, the test above would say little: a tier's shader must fail in a lower tier.
    let shaders = every_shader();
    let mut refused = 0;
    for mut shader in shaders.into_iter().filter(|s| s.tier == Tier::Subgroups) {
        if shader.linked.source.contains("subgroupAdd") {
            shader.tier = Tier::Baseline;
            assert!(validate(&shader).is_err(), "{} needs no subgroups", shader.name());
            refused += 1;
        }
    }
    assert!(refused > 0, "no kernel uses subgroups");
}

/// Writes SPIR-V, MSL and HLSL with the options that wgpu has on the oldest devices of the tier.
fn translate(shader: &Shader, module: &Module, info: &ModuleInfo) -> Result<(), String> {
    let fail = |language: &str, e: &dyn std::fmt::Display| format!("{}: {language}: {e}", shader.name());

    let mut known = vec![spv::Capability::Shader];
    if shader.tier.f16() {
        known.extend([
            spv::Capability::Float16,
            spv::Capability::StorageBuffer16BitAccess,
            spv::Capability::UniformAndStorageBuffer16BitAccess,
        ]);
    }
    if shader.tier.subgroups() {
        known.extend([
            spv::Capability::GroupNonUniform,
            spv::Capability::GroupNonUniformVote,
            spv::Capability::GroupNonUniformArithmetic,
            spv::Capability::GroupNonUniformBallot,
            spv::Capability::GroupNonUniformShuffle,
            spv::Capability::GroupNonUniformShuffleRelative,
        ]);
    }
    let options = spv::Options {
        // Subgroup operations came with SPIR-V 1.3 (Vulkan 1.1).
        lang_version: if shader.tier.subgroups() { (1, 3) } else { (1, 0) },
        capabilities: Some(known.into_iter().collect()),
        ..Default::default()
    };
    spv::write_vec(module, info, &options, None).map_err(|e| fail("SPIR-V", &e))?;

    let options = msl::Options { lang_version: (2, 1), ..Default::default() };
    msl::write_string(module, info, &options, &msl::PipelineOptions::default())
        .map_err(|e| fail("MSL", &e))?;

    let shader_model = match (shader.tier.f16(), shader.tier.subgroups()) {
        (true, _) => hlsl::ShaderModel::V6_2,
        (false, true) => hlsl::ShaderModel::V6_0,
        (false, false) => hlsl::ShaderModel::V5_1,
    };
    let options = hlsl::Options { shader_model, ..Default::default() };
    let pipeline = hlsl::PipelineOptions::default();
    let mut text = String::new();
    let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(module, info, None);
    let written = written.map_err(|e| fail("HLSL", &e))?;
    match written.entry_point_names.into_iter().find_map(Result::err) {
        Some(e) => Err(fail("HLSL", &e)),
        None => Ok(()),
    }
}

#[test]
fn every_variant_translates() {
    let failures: Vec<String> =
        valid().filter_map(|(s, module, info)| translate(s, module, info).err()).collect();
    report("every_variant_translates", valid().count(), &failures);
}

/// The builtins among the arguments of an entry point, in structs too.
fn builtins(module: &Module, entry: &naga::EntryPoint) -> Vec<BuiltIn> {
    let mut found = Vec::new();
    let mut take = |binding: &Option<naga::Binding>| {
        if let Some(naga::Binding::BuiltIn(builtin)) = binding {
            found.push(*builtin);
        }
    };
    for argument in &entry.function.arguments {
        take(&argument.binding);
        if let TypeInner::Struct { members, .. } = &module.types[argument.ty].inner {
            members.iter().for_each(|m| take(&m.binding));
        }
    }
    found
}

#[test]
fn every_variant_fits_its_tier() {
    let mut failures = Vec::new();
    let mut most = (0, 0);
    for (shader, module, _) in valid() {
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("a valid module has a layout");
        let mut fail = |text: String| failures.push(format!("{}: {text}", shader.name()));
        let [entry] = module.entry_points.as_slice() else {
            fail(format!("{} entry points", module.entry_points.len()));
            continue;
        };
        if entry.name != shader.kernel.name {
            fail(format!("the entry point is called '{}'", entry.name));
        }
        let of = |space: fn(AddressSpace) -> bool| {
            module.global_variables.iter().filter(move |(_, v)| space(v.space))
        };
        let bytes: u32 = of(|s| s == AddressSpace::WorkGroup).map(|(_, v)| layouter[v.ty].size).sum();
        let bindings = of(|s| matches!(s, AddressSpace::Storage { .. })).count();
        let invocations: u32 = entry.workgroup_size.iter().product();
        most = (most.0.max(bytes), most.1.max(bindings));
        if bytes > 16_384 {
            fail(format!("{bytes} bytes of workgroup memory"));
        }
        if bindings > 8 {
            fail(format!("{bindings} storage buffers"));
        }
        if invocations > 256 {
            fail(format!("{invocations} invocations"));
        }
        if entry.workgroup_size[1..] != [1, 1] {
            fail("a workgroup of more than one dimension".to_owned());
        }
        // Both are an extension of newer browsers, so no tier has them.
        if builtins(module, entry).iter().any(|b| matches!(b, BuiltIn::SubgroupId | BuiltIn::NumSubgroups)) {
            fail("subgroup_id or num_subgroups".to_owned());
        }
    }
    println!("the most: {} bytes of workgroup memory, {} storage buffers", most.0, most.1);
    report("every_variant_fits_its_tier", valid().count(), &failures);
}

#[test]
fn params_match_the_shader() {
    let mut failures = Vec::new();
    for (shader, module, _) in valid() {
        let mut fail = |text: String| failures.push(format!("{}: {text}", shader.name()));
        let members = module.types.iter().find_map(|(_, ty)| match &ty.inner {
            TypeInner::Struct { members, .. } if ty.name.as_deref() == Some("Params") => Some(members),
            _ => None,
        });
        let Some(members) = members else {
            fail("no struct Params".to_owned());
            continue;
        };
        let declared: Vec<(String, &str, u32)> = members
            .iter()
            .map(|m| {
                let word = match &module.types[m.ty].inner {
                    TypeInner::Scalar(naga::Scalar::U32) => "u32",
                    TypeInner::Scalar(naga::Scalar::F32) => "f32",
                    _ => "neither u32 nor f32",
                };
                (m.name.clone().unwrap_or_default(), word, m.offset)
            })
            .collect();
        let expected: Vec<(String, &str, u32)> = (0..)
            .zip(shader.kernel.params)
            .map(|(i, (name, word))| ((*name).to_owned(), *word, 4 * i))
            .collect();
        if declared != expected {
            fail(format!("Params is {declared:?} in WESL, {expected:?} in Rust"));
        }
    }
    report("params_match_the_shader", valid().count(), &failures);
}

#[test]
fn linked_bindings_are_those_of_the_module() {
    let mut failures = Vec::new();
    for (shader, module, _) in valid() {
        let mut declared: Vec<(u32, Access)> = module
            .global_variables
            .iter()
            .filter_map(|(_, v)| {
                let binding = v.binding?;
                assert_eq!(binding.group, 0, "{}", shader.name());
                let access = match v.space {
                    AddressSpace::Uniform => Access::Uniform,
                    AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                        Access::ReadWrite
                    }
                    _ => Access::Read,
                };
                Some((binding.binding, access))
            })
            .collect();
        declared.sort_by_key(|(number, _)| *number);
        let linked: Vec<(u32, Access)> =
            shader.linked.bindings.iter().map(|b| (b.number, b.access)).collect();
        if declared != linked {
            failures.push(format!("{}: naga sees {declared:?}, the linker {linked:?}", shader.name()));
        }
        if declared.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            failures.push(format!("{}: a binding number twice", shader.name()));
        }
    }
    report("linked_bindings_are_those_of_the_module", valid().count(), &failures);
}
